/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `top`: what uses the node now, asked for again and again, on a screen or as tables for scripts. */
#include "top-screen.h"

#include "basic/clock.h"
#include "collect.h"
#include "table.h"
#include <inttypes.h>
#include <stdio.h>
#include <sys/timerfd.h>
#include <time.h>

#define DELAY_USEC (3 * USEC_PER_SEC)

/* Of the time at most a fifth goes into asking: with thousands of tasks that takes the daemon a while. */
#define REST_FACTOR 4

/* --- samples --- */

static uint64_t get(const hpcnode_cgroup_metrics *metrics, const char *name)
{
        uint64_t value;

        return metrics && hpcnode_cgroup_metrics_get(metrics, name, &value) > 0 ? value
                                                                                : TOP_UNKNOWN;
}

static void get_pressure(const hpcnode_cgroup_metrics *metrics, uint64_t ret[static _TOP_RES_MAX])
{
        ret[TOP_RES_CPU] = get(metrics, "cpu_some_avg10_permyriad");
        ret[TOP_RES_MEMORY] = get(metrics, "memory_some_avg10_permyriad");
        ret[TOP_RES_IO] = get(metrics, "io_some_avg10_permyriad");
}

static int fill_row(TopRow *row, const hpcnode_cgroup_info *info, uint64_t n_tasks)
{
        bool is_task = info->is_task > 0;

        *row = (TopRow){
                .name = format_text(info->id),
                .state = format_text(info->state),
                .since_usec = is_task ? info->start_usec : info->created_usec,
                .n_tasks = n_tasks,
                .n_processes = get(info->metrics, "nr_processes"),
                .memory = get(info->metrics, "memory_current"),
                .cpu_usec = get(info->metrics, "cpu_usage_usec"),
                .read_bytes = get(info->metrics, "io_read_bytes"),
                .write_bytes = get(info->metrics, "io_write_bytes"),
                .cpu_permyriad = TOP_UNKNOWN,
                .read_rate = TOP_UNKNOWN,
                .write_rate = TOP_UNKNOWN,
        };
        get_pressure(info->metrics, row->pressure_permyriad);
        if (asprintf(&row->key, "%s/%s", info->unit, is_task ? info->name : "") < 0)
                row->key = NULL;
        return row->key && row->name && row->state ? 0 : -ENOMEM;
}

static int fill_sample(TopSample *s, const Collection *c, bool tasks)
{
        s->rows = calloc(c->n_entries + collection_count_tasks(c) + 1, sizeof(*s->rows));
        if (!s->rows)
                return -ENOMEM;
        for (size_t i = 0; i < c->n_entries; i++) {
                const Entry *entry = &c->entries[i];

                if (entry->whole && fill_row(&s->rows[s->n++], entry->scope, entry->n_tasks) < 0)
                        return -ENOMEM;
                for (size_t k = 0; k < entry->n_tasks; k++) {
                        if (entry->whole && (!tasks || !task_is_further(entry->tasks[k])))
                                continue;
                        if (fill_row(&s->rows[s->n++], entry->tasks[k], TOP_UNKNOWN) < 0)
                                return -ENOMEM;
                }
        }
        return 0;
}

/* --- the header --- */

static void write_counts(Top *t, const Collection *c)
{
        char clock[16] = "";
        time_t now = time(NULL);
        struct tm tm;

        if (localtime_r(&now, &tm))
                (void) strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
        (void) snprintf(t->header[0], TOP_HEADER_SIZE,
                        "top - %s  scopes: %zu, %zu running, %zu frozen, %zu zombie  tasks: %zu  "
                        "records: %zu",
                        clock, c->n_entries, collection_count_state(c, "running"),
                        collection_count_state(c, "frozen"), collection_count_state(c, "zombie"),
                        collection_count_tasks(c), c->n_ended);
}

void top_describe(Top *t)
{
        char cpu[FORMAT_SIZE], memory[FORMAT_SIZE], io[FORMAT_SIZE];
        const uint64_t *pressure = t->pressure_permyriad;

        (void) snprintf(t->header[1], TOP_HEADER_SIZE,
                        "pressure of the node, %%: cpu %s, memory %s, io %s  sorted by %s%s",
                        top_percent(pressure[TOP_RES_CPU], cpu),
                        top_percent(pressure[TOP_RES_MEMORY], memory),
                        top_percent(pressure[TOP_RES_IO], io), top_sort_to_string(t->by),
                        t->reverse ? ", reversed" : "");
}

int top_ask(Top *t, hpcnode_cgroup_error *e)
{
        _cleanup_(hpcnode_cgroup_metrics_freep) hpcnode_cgroup_metrics *node = NULL;
        _cleanup_(collection_done) Collection collection = { 0 };
        uint64_t begun = clock_usec(CLOCK_MONOTONIC);
        CollectFlags flags = COLLECT_TASKS | COLLECT_LIVE | COLLECT_SCOPE_DETAILS;
        int r;

        t->sample = (TopSample){ 0 };
        /* SCOPE/TASK is shown also without tasks, as is main there. */
        if (t->tasks || t->a->n_operands > 0)
                flags |= COLLECT_TASK_DETAILS;
        r = collect(t->c, flags, t->a->operands, &collection, e);
        if (r < 0)
                return r;
        t->sample.usec = clock_usec(CLOCK_MONOTONIC);
        r = hpcnode_cgroup_read_metrics(t->c, "/", &node, e);
        if (r < 0 && e->code != HPCNODE_CGROUP_ERROR_NOT_FOUND)
                return r;
        hpcnode_cgroup_error_done(e);
        r = fill_sample(&t->sample, &collection, t->tasks);
        if (r < 0) {
                top_sample_done(&t->sample);
                e->code = HPCNODE_CGROUP_ERROR_NO_MEMORY;
                return r;
        }
        write_counts(t, &collection);
        get_pressure(node, t->pressure_permyriad);
        t->rest_usec = REST_FACTOR * (clock_usec(CLOCK_MONOTONIC) - begun);
        return 0;
}

void top_take(Top *t, Top *asked)
{
        top_rates(&asked->sample, &t->sample);
        top_sort(&asked->sample, t->by, t->reverse);
        top_sample_done(&t->sample);
        t->sample = asked->sample;
        asked->sample = (TopSample){ 0 };
        memcpy(t->header[0], asked->header[0], TOP_HEADER_SIZE);
        memcpy(t->pressure_permyriad, asked->pressure_permyriad, sizeof(t->pressure_permyriad));
        t->rest_usec = asked->rest_usec;
        top_describe(t);
}

/* Takes a new sample; 0, or a negative errno with a sentence in *e, and what there was is kept. */
static int update(Top *t, hpcnode_cgroup_error *e)
{
        Top asked = *t;
        int r = top_ask(&asked, e);

        if (r >= 0)
                top_take(t, &asked);
        return r;
}

void top_arm(Top *t, uint64_t usec)
{
        struct itimerspec spec = { 0 };

        if (usec > 0 && usec < t->rest_usec)
                usec = t->rest_usec;
        /* 0 would disarm it. */
        spec.it_value = timespec_of_usec(usec ?: 1);
        (void) timerfd_settime(t->timer, 0, &spec, NULL);
}

/* --- tables, one after the other --- */

/* Keys of JSON: rates are in the unit that the key says. */
static const char *const json_keys[_TOP_COLUMN_MAX] = {
        [TOP_NAME] = "name",
        [TOP_STATE] = "state",
        [TOP_TASKS] = "task_count",
        [TOP_PROCS] = "nr_processes",
        [TOP_CPU] = "cpu_permyriad",
        [TOP_MEMORY] = "memory_current",
        [TOP_READ] = "io_read_bytes_per_sec",
        [TOP_WRITE] = "io_write_bytes_per_sec",
        [TOP_PRESSURE] = "pressure_some_avg10_permyriad",
};

static int add_row(struct libscols_table *table, const Top *t, const TopRow *row)
{
        struct libscols_line *line = scols_table_new_line(table, NULL);
        JsonMode json = t->a->json;

        if (!line)
                return -ENOMEM;
        for (TopColumn column = 0; column < _TOP_COLUMN_MAX; column++) {
                uint64_t figure = top_figure(row, column, t->by);
                char cell[FORMAT_SIZE];
                const char *shown = top_cell(row, column, t->by, cell);
                int r;

                if (column == TOP_STATE)
                        r = table_set_state(line, column, shown, json);
                else if (column == TOP_NAME || figure == TOP_UNKNOWN)
                        r = table_set_text(line, column, column == TOP_NAME ? shown : NULL, json);
                else
                        r = table_set_number(line, column, figure, shown, json);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int print_table(const Top *t)
{
        _cleanup_(table_freep) struct libscols_table *table = table_new("top", t->a);

        if (!table)
                return out_of_memory();
        for (TopColumn column = 0; column < _TOP_COLUMN_MAX; column++) {
                bool text = top_is_text(column);

                if (table_add_column(table, t->a, top_headings[column], json_keys[column],
                                     text ? 0 : SCOLS_FL_RIGHT,
                                     text ? SCOLS_JSON_STRING : SCOLS_JSON_NUMBER) < 0)
                        return out_of_memory();
        }
        for (size_t i = 0; i < t->sample.n; i++)
                if (add_row(table, t, &t->sample.rows[i]) < 0)
                        return out_of_memory();
        if (t->a->json == JSON_OFF && !t->a->no_legend)
                printf("%s\n%s\n\n", t->header[0], t->header[1]);
        return table_print(table, t->a);
}

static void await_timer(const Top *t)
{
        uint64_t n;

        while (read(t->timer, &n, sizeof(n)) < 0 && errno == EINTR)
                ;
}

/* A daemon that is away comes back; only what is wrong at the end is the exit status. */
static int print_tables(Top *t, int iterations)
{
        int status = CTL_OK;

        for (int i = 0; iterations == 0 || i < iterations; i++) {
                _cleanup_(hpcnode_cgroup_error_done) hpcnode_cgroup_error e =
                        HPCNODE_CGROUP_ERROR_INIT;

                top_arm(t, t->delay_usec);
                await_timer(t);
                if (i > 0 && t->a->json == JSON_OFF)
                        putchar('\n');
                if (update(t, &e) < 0) {
                        status = fail(&e);
                        continue;
                }
                status = print_table(t);
                if (status != CTL_OK)
                        break;
        }
        return status;
}

int verb_top(hpcnode_cgroup *c, Arguments *a)
{
        _cleanup_(hpcnode_cgroup_error_done) hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;
        bool terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
        Top t = { .c = c,
                  .a = a,
                  .by = a->sort ? top_sort_from_string(a->sort) : TOP_BY_CPU,
                  .tasks = !a->no_tasks,
                  .delay_usec = a->delay_usec ?: DELAY_USEC };
        int status;

        t.timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
        if (t.timer < 0 || update(&t, &e) < 0) {
                status = fail(&e);
        } else if (a->batch || !terminal || a->json != JSON_OFF) {
                a->no_pager = true;
                status = print_tables(&t, a->iterations ?: a->batch ? a->iterations : 1);
        } else {
                status = top_screen(&t, a->iterations);
        }
        top_sample_done(&t.sample);
        (void) safe_close(t.timer);
        return status;
}
