/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `logs`: what the tasks of a scope have written, from the journal or from their log file. */
#include "ctl.h"

#include "basic/line.h"
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

DEFINE_CLEANUP(hpcnode_cgroup_logs *, hpcnode_cgroup_logs_free);

/* --- one line --- */

static void say_dropped(const hpcnode_cgroup_log_line *line)
{
        (void) fflush(stdout);
        fprintf(stderr,
                "warning: here journald's rate limit has dropped %" PRIu64
                " lines; --log file:PATH drops none\n",
                line->n_dropped);
}

/* "Nov 22 06:27:45 rank-0[4711]: ", with the scope's name where the task is not known. */
static void print_prefix(const hpcnode_cgroup_log_line *line, const char *scope)
{
        time_t seconds = (time_t) (line->time_usec / USEC_PER_SEC);
        char when[32] = "";
        struct tm tm;

        if (localtime_r(&seconds, &tm))
                (void) strftime(when, sizeof(when), "%b %d %H:%M:%S", &tm);
        printf("%s %s[%" PRIu32 "]: ", when, line->task ?: scope, line->pid);
}

static int print_json(const hpcnode_cgroup_log_line *line, JsonMode mode)
{
        _cleanup_(record_freep) Record *r = record_new();

        record_add_number(r, "ts_unix_ms", line->time_usec / USEC_PER_MSEC);
        if (line->n_dropped > 0) {
                record_add_number(r, "dropped", line->n_dropped);
                return record_print(r, mode);
        }
        record_add_number(r, "pid", line->pid);
        record_add_text(r, "task", line->task);
        record_add_number(r, "priority", (uint64_t) line->priority);
        record_add_bytes(r, "message", line->message, line->length);
        return record_print(r, mode);
}

static int print_line(const hpcnode_cgroup_log_line *line, const Arguments *a, const char *scope,
                      bool escape)
{
        if (a->json != JSON_OFF)
                return print_json(line, a->json);
        if (line->n_dropped > 0) {
                say_dropped(line);
                return CTL_OK;
        }
        if (!a->raw)
                print_prefix(line, scope);
        if (escape)
                text_put_escaped(stdout, line->message, line->length);
        else
                (void) fwrite(line->message, 1, line->length, stdout);
        return putchar('\n') == EOF ? output_flush() : CTL_OK;
}

/* Prints what there is. CTL_OK, or the exit status after saying what is wrong. */
static int print_all(hpcnode_cgroup_logs *logs, const Arguments *a, const char *scope)
{
        _cleanup_(hpcnode_cgroup_error_done) hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;
        bool escape = !a->raw && output_is_terminal();
        int r;

        while ((r = hpcnode_cgroup_logs_next(logs, &e)) > 0) {
                r = print_line(hpcnode_cgroup_logs_line(logs), a, scope, escape);
                if (r != CTL_OK)
                        return r;
        }
        return r < 0 ? fail(&e) : output_flush();
}

/* --- all of them --- */

/* Prints lines as they come, until there will be none. */
static int follow(hpcnode_cgroup_logs *logs, const Arguments *a, const char *scope, Awaiting *w)
{
        _cleanup_(hpcnode_cgroup_error_done) hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;
        int r;

        for (;;) {
                r = print_all(logs, a, scope);
                if (r != CTL_OK)
                        return r;
                if (hpcnode_cgroup_logs_wait(logs, w->fd, &e) >= 0)
                        continue;
                return e.code == HPCNODE_CGROUP_ERROR_INTERRUPTED ? awaiting_result(w) : fail(&e);
        }
}

static int seek(hpcnode_cgroup_logs *logs, const Arguments *a, hpcnode_cgroup_error *e)
{
        int r = 0;

        if (a->has_since)
                r = hpcnode_cgroup_logs_seek_time(logs, a->since_usec, e);
        if (r >= 0 && a->lines >= 0)
                r = hpcnode_cgroup_logs_seek_last(logs, (size_t) a->lines, e);
        return r;
}

static int print_journal(hpcnode_cgroup *c, const Arguments *a, const char *target,
                         const char *name, Awaiting *w)
{
        _cleanup_(hpcnode_cgroup_error_done) hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;
        _cleanup_(hpcnode_cgroup_logs_freep) hpcnode_cgroup_logs *logs = NULL;
        int result = CTL_OK, r;

        if (hpcnode_cgroup_logs_open(c, target, &logs, &e) < 0)
                return fail(&e);
        /* What --lines counts is all that was written by now. */
        hpcnode_cgroup_logs_sync(logs);
        if (seek(logs, a, &e) < 0)
                return fail(&e);
        if (w->fd >= 0) {
                result = follow(logs, a, name, w);
                hpcnode_cgroup_logs_sync(logs);
        } else
                pager_open(a->no_pager);
        r = print_all(logs, a, name);
        if (r == CTL_OK && hpcnode_cgroup_logs_is_at_limit(logs))
                fputs("warning: the last lines are as many as journald's rate limit lets through "
                      "at once: it may have dropped others; --log file:PATH drops none\n",
                      stderr);
        return result == CTL_OK ? r : result;
}

/* Of a task the part behind the slash is what its lines are known by. */
static const char *shown_name(const hpcnode_cgroup_info *info)
{
        return info->name ?: info->unit;
}

int verb_logs(hpcnode_cgroup *c, Arguments *a)
{
        _cleanup_(hpcnode_cgroup_error_done) hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;
        _cleanup_(hpcnode_cgroup_info_freep) hpcnode_cgroup_info *info = NULL;
        _cleanup_(awaiting_done) Awaiting w = AWAITING_NONE;
        _cleanup_(freep) char *target = NULL;
        const char *path;
        int r;

        if (hpcnode_cgroup_inspect(c, a->operands[0], &info, &e) < 0)
                return fail(&e);
        path = startswith(info->log ?: "", "file:");
        if (path && a->has_since) {
                fprintf(stderr,
                        "error: the output of %s is in %s, where no line has a time: --since goes "
                        "with the journal only\n",
                        info->id, path);
                return CTL_FAILED;
        }
        target = target_of(info);
        r = !target ? -ENOMEM : a->follow ? awaiting_start(target, &a->place, &w) : 0;
        if (r < 0) {
                fprintf(stderr, "error: cannot follow %s: %s\n", info->id, strerror(-r));
                return CTL_FAILED;
        }
        return path ? log_file_print(path, a, &w)
                    : print_journal(c, a, target, shown_name(info), &w);
}
