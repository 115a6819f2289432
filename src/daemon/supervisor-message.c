/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a supervisor says, from a packet to its fields, and what it is told in the same words. */
#include "daemon/supervisor-message.h"

void task_log_append(const char *log, Fields *f)
{
        if (log && !streq(log, "journal") && strlen(log) <= PROTOCOL_LOG_MAX)
                fields_append(f, "log", log);
}

void task_report_append(const TaskReport *task, Fields *f)
{
        fields_append(f, "task", task->task);
        fields_append_i64(f, "pid", task->pid);
        fields_append_u64(f, "start_usec", task->start_usec);
        task_log_append(task->log, f);
        if (task->due_usec > 0)
                fields_append_u64(f, "due_usec", task->due_usec);
        if (task->open) {
                fields_append_u64(f, "open", 1);
                fields_append(f, "client", task->client);
        }
        if (!task->ended)
                return;
        fields_append_u64(f, "exit_usec", task->exit_usec);
        fields_append_u64(f, "oom", task->oom);
        fields_append_u64(f, "timed_out", task->timed_out);
        if (task->signal > 0)
                fields_append_i64(f, "signal", task->signal);
        else if (task->exit >= 0)
                fields_append_i64(f, "exit", task->exit);
}

static int message_read_field(SupervisorMessage *m, const char *key, const char *value)
{
        const struct {
                const char *key;
                uint64_t *target;
        } numbers[] = {
                { "serial", &m->serial },
                { "version", &m->version },
                { "populated", &m->populated },
                { "start_usec", &m->report.start_usec },
                { "exit_usec", &m->report.exit_usec },
                { "due_usec", &m->report.due_usec },
        };
        uint64_t n;
        int r;

        for (size_t i = 0; i < ELEMENTSOF(numbers); i++)
                if (streq(key, numbers[i].key))
                        return parse_u64(value, numbers[i].target);

        if (streq(key, "type"))
                m->type = value;
        else if (streq(key, "state"))
                m->state = value;
        else if (streq(key, "features"))
                m->features = features_parse(value);
        else if (streq(key, "task"))
                m->report.task = value;
        else if (streq(key, "log"))
                m->report.log = value;
        else if (streq(key, "client"))
                m->report.client = value;
        else if (streq(key, "open"))
                m->report.open = streq(value, "1");
        else if (streq(key, "timed_out"))
                m->report.timed_out = streq(value, "1");
        else if (streq(key, "reason"))
                m->answer.reason = value;
        else if (streq(key, "step"))
                m->answer.step = spawn_step_from_string(value);
        if (!streq(key, "pid") && !streq(key, "exit") && !streq(key, "signal") &&
            !streq(key, "oom") && !streq(key, "errno"))
                return 0;

        r = parse_u64(value, &n);
        if (r < 0)
                return r;
        if (n > INT32_MAX)
                return -ERANGE;
        if (streq(key, "pid"))
                m->report.pid = m->answer.pid = (pid_t) n;
        else if (streq(key, "exit"))
                m->report.exit = (int) n;
        else if (streq(key, "signal"))
                m->report.signal = (int) n;
        else if (streq(key, "oom"))
                m->report.oom = n != 0;
        else
                m->answer.error = (int) n;
        return 0;
}

int supervisor_message_read(char *data, size_t length, SupervisorMessage *ret)
{
        FieldsReader reader = fields_reader(data, length);
        SupervisorMessage m = { .answer.step = _SPAWN_STEP_INVALID, .report.exit = -1 };
        char *key, *value;
        int r;

        while ((r = fields_next(&reader, &key, &value)) > 0) {
                r = message_read_field(&m, key, value);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;
        if (!m.type)
                return -EBADMSG;
        *ret = m;
        return 0;
}
