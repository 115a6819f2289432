/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One record: put together field by field, and handed to the journal. */
#include "daemon/record-entry.h"

#include "daemon/caller.h"
#include "daemon/journal.h"

#include <inttypes.h>
#include <stdarg.h>
#include <sys/stat.h>

/* Far below what one datagram takes, and what journald keeps of one field. Only lists come near. */
#define VALUE_MAX 4096
#define ENTRY_MAX (48 * 1024)

static void put_native(Entry *e, const char *name, const char *value)
{
        if (e->native)
                event_native_put(e->native, name, value);
}

void entry_put(Entry *e, EventField field, const char *value)
{
        const char *key = event_field_table[field].key;
        char name[EVENT_NAME_MAX + 1], cut[VALUE_MAX + 1];

        if (!value)
                return;
        if (strlen(value) > VALUE_MAX) {
                memcpy(cut, value, VALUE_MAX);
                cut[VALUE_MAX] = '\0';
                value = cut;
                e->truncated = true;
        }
        if (e->length + strlen(value) > ENTRY_MAX) {
                e->truncated = true;
                return;
        }
        e->length += strlen(value);
        put_native(e, event_field_name(key, name), value);
        if (e->line && event_field_table[field].kind != EVENT_KIND_HIDDEN)
                event_line_put(e->line, key, value);
}

void entry_put_number(Entry *e, EventField field, uint64_t value)
{
        char text[24];

        (void) snprintf(text, sizeof text, "%" PRIu64, value);
        entry_put(e, field, text);
}

/* stderr is what PID 1 connected to the journal: a line there would be a second record. */
static bool stderr_is_journal(void)
{
        const char *stream = getenv("JOURNAL_STREAM");
        uintmax_t device, inode;
        struct stat st;

        return stream && sscanf(stream, "%ju:%ju", &device, &inode) == 2 &&
               fstat(STDERR_FILENO, &st) >= 0 && st.st_dev == device && st.st_ino == inode;
}

void entry_begin(Entry *e, Manager *m, EventType type, const char *unit)
{
        char priority[] = { (char) ('0' + event_type_table[type].priority), '\0' };

        *e = (Entry){ .manager = m, .type = type, .unit = unit, .sent = -ENOMEM };
        e->native = open_memstream(&e->native_data, &e->native_length);
        if (!stderr_is_journal())
                e->line = open_memstream(&e->line_data, &e->line_length);
        if (e->line)
                (void) fputs("EVENT", e->line);

        put_native(e, "MESSAGE_ID", event_type_table[type].message_id);
        put_native(e, "PRIORITY", priority);
        put_native(e, "SYSLOG_IDENTIFIER", "hpcnode-cgroupd");
        /* So that journalctl -u of the unit shows it among what the unit itself has written. */
        if (unit)
                put_native(e, m->user ? "OBJECT_SYSTEMD_USER_UNIT" : "OBJECT_SYSTEMD_UNIT", unit);

        entry_put(e, EVENT_FIELD_SCHEMA, EVENT_SCHEMA);
        entry_put_number(e, EVENT_FIELD_TS_UNIX_MS, now_realtime_usec() / USEC_PER_MSEC);
        entry_put(e, EVENT_FIELD_TYPE, event_type_table[type].name);
        entry_put(e, EVENT_FIELD_MANAGER, m->user ? "user" : "system");
}

static void close_stream(FILE **f)
{
        if (*f)
                (void) fclose(*f);
        *f = NULL;
}

static void send_native(Entry *e, uint64_t dropped)
{
        Journal *j = e->manager->journal;

        close_stream(&e->native);
        e->sent = journal_send(j, e->native_data, e->native_length);
        if (e->sent >= 0)
                journal_dropped_said(j, dropped);
}

void entry_send(Entry *e, const char *format, ...)
{
        uint64_t dropped = journal_dropped(e->manager->journal);
        _cleanup_(freep) char *details = NULL, *message = NULL;
        va_list ap;

        if (e->truncated)
                entry_put_number(e, EVENT_FIELD_TRUNCATED, 1);
        if (dropped > 0)
                entry_put_number(e, EVENT_FIELD_DROPPED, dropped);
        va_start(ap, format);
        if (vasprintf(&details, format, ap) < 0)
                details = NULL;
        va_end(ap);
        if (asprintf(&message, "%s%s%s%s", e->unit ?: "", e->unit ? ": " : "",
                     event_type_table[e->type].subject, details ?: "") < 0)
                message = NULL;
        if (message)
                put_native(e, "MESSAGE", message);

        if (e->native)
                send_native(e, dropped);
        close_stream(&e->line);
        if (e->line_data)
                (void) fprintf(stderr, "%s\n", e->line_data);
        free(e->native_data);
        free(e->line_data);
}

void entry_begin_scope(Entry *e, const Scope *s, EventType type)
{
        entry_begin(e, s->manager, type, s->unit);
        entry_put(e, EVENT_FIELD_SCOPE, s->name);
        entry_put(e, EVENT_FIELD_UNIT, s->unit);
        entry_put(e, EVENT_FIELD_CGROUP, s->path);
}

void entry_put_caller_ids(Entry *e, uid_t uid, pid_t pid)
{
        if (uid == UID_INVALID)
                return;
        entry_put_number(e, EVENT_FIELD_CALLER_UID, uid);
        if (pid > 0)
                entry_put_number(e, EVENT_FIELD_CALLER_PID, (uint64_t) pid);
}

void entry_put_caller(Entry *e, const Call *call)
{
        if (!call)
                return;
        entry_put_caller_ids(e, call->uid, call->pid);
        entry_put(e, EVENT_FIELD_CALLER_UNIT, call->caller->unit);
}
