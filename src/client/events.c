/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Records of the daemon's acts, read from the journal: the daemon itself is not asked. */
#include "journal-reader.h"

#include "basic/event.h"
#include "basic/fields.h"
#include "basic/reason.h"

typedef struct Field {
        EventField field; /* _EVENT_FIELD_MAX: of a newer daemon */
        char *key;
        char *value;
} Field;

struct hpcnode_cgroup_events {
        sd_journal *journal;
        bool at_record;      /* the journal stands at a record that is still to be read */
        bool watched;        /* changes are told from now on */
        uint64_t since_usec; /* older ones are passed over */
        Field *fields;       /* of the record read last */
        size_t n_fields, n_allocated;
        char *line;
};

static void fields_clear(hpcnode_cgroup_events *ev)
{
        for (size_t i = 0; i < ev->n_fields; i++) {
                free(ev->fields[i].key);
                free(ev->fields[i].value);
        }
        ev->n_fields = 0;
        free(TAKE_PTR(ev->line));
}

_public_ hpcnode_cgroup_events *hpcnode_cgroup_events_free(hpcnode_cgroup_events *events)
{
        if (!events)
                return NULL;
        fields_clear(events);
        free(events->fields);
        sd_journal_close(events->journal);
        free(events);
        return NULL;
}

/* --- which records --- */

static int match(sd_journal *j, EventField field, const char *value)
{
        char name[EVENT_NAME_MAX + 1];

        return client_journal_match(j, event_field_name(event_field_table[field].key, name), value);
}

/* Written by the daemon, not by whoever names his fields so. By uid and not by unit: journald cannot
 * tell the unit of a process that has ended before it read the record. */
static int match_daemon(sd_journal *j, bool user)
{
        char uid[16];
        int r;

        (void) snprintf(uid, sizeof(uid), "%u", user ? (unsigned) getuid() : 0);
        r = client_journal_match(j, "_UID", uid);
        if (r >= 0)
                r = match(j, EVENT_FIELD_SCHEMA, EVENT_SCHEMA);
        if (r >= 0)
                r = match(j, EVENT_FIELD_MANAGER, user ? "user" : "system");
        return r;
}

static int match_scope(sd_journal *j, const char *scope)
{
        const char *suffix = endswith(scope, ".scope");
        _cleanup_(freep) char *name = NULL;
        int r;

        if (*scope == '/')
                return match(j, EVENT_FIELD_CGROUP, scope);
        if (!suffix)
                return match(j, EVENT_FIELD_SCOPE, scope);
        /* A unit, or a name with ".scope" behind it. */
        name = strndup(scope, (size_t) (suffix - scope));
        if (!name)
                return -ENOMEM;
        r = match(j, EVENT_FIELD_UNIT, scope);
        if (r >= 0)
                r = sd_journal_add_disjunction(j);
        return r < 0 ? r : match(j, EVENT_FIELD_SCOPE, name);
}

/* Main's records are the scope's. */
static int check_target(const ClientTarget *t, const char *text, hpcnode_cgroup_error *e)
{
        char quoted[REASON_QUOTE_SIZE];

        if (!t->task || streq(t->task, "main"))
                return 0;
        return client_error(e, HPCNODE_CGROUP_ERROR_INVALID_ARGS,
                            "%s has no records of its own: of the tasks of a scope only main "
                            "has, see hpcnode-events(7)",
                            reason_quote(text, quoted));
}

static int open_events(bool user, const char *scope, hpcnode_cgroup_events **ret,
                       hpcnode_cgroup_error *e)
{
        _cleanup_(hpcnode_cgroup_events_freep) hpcnode_cgroup_events *ev = NULL;
        _cleanup_(client_target_done) ClientTarget target = { NULL };
        int r;

        if (scope) {
                r = client_target_parse(scope, &target, e);
                if (r >= 0)
                        r = check_target(&target, scope, e);
                if (r < 0)
                        return r;
        }
        /* A user's are in the user's own journal, if there is one, else in the system's. */
        if (client_journal_is_closed(user))
                return client_error(e, HPCNODE_CGROUP_ERROR_PERMISSION_DENIED,
                                    "the records are in the system's journal, which root and the "
                                    "members of the group systemd-journal may read%s",
                                    user ? CLIENT_OWN_JOURNALS : "");
        ev = calloc(1, sizeof(*ev));
        if (!ev)
                return client_oom(e);
        /* A user's records are in the system's journal when there is none of the user. */
        r = sd_journal_open(&ev->journal, SD_JOURNAL_LOCAL_ONLY | (user ? 0 : SD_JOURNAL_SYSTEM));
        if (r >= 0)
                r = sd_journal_set_data_threshold(ev->journal, 0);
        if (r >= 0)
                r = match_daemon(ev->journal, user);
        if (r >= 0 && scope) {
                r = sd_journal_add_conjunction(ev->journal);
                if (r >= 0)
                        r = match_scope(ev->journal, target.scope);
        }
        if (r >= 0)
                r = sd_journal_seek_head(ev->journal);
        if (r < 0)
                return client_journal_error(e, r);
        *ret = TAKE_PTR(ev);
        return 0;
}

_public_ int hpcnode_cgroup_events_open(const char *scope, hpcnode_cgroup_events **ret,
                                        hpcnode_cgroup_error *ret_error)
{
        return open_events(false, scope, ret, ret_error);
}

_public_ int hpcnode_cgroup_events_open_user(const char *scope, hpcnode_cgroup_events **ret,
                                             hpcnode_cgroup_error *ret_error)
{
        return open_events(true, scope, ret, ret_error);
}

/* --- where to begin --- */

_public_ int hpcnode_cgroup_events_seek_time(hpcnode_cgroup_events *events, uint64_t usec,
                                             hpcnode_cgroup_error *ret_error)
{
        int r;

        /* journald may have taken a record later than it was made, never earlier. */
        r = sd_journal_seek_realtime_usec(events->journal, usec);
        if (r < 0)
                return client_journal_error(ret_error, r);
        events->since_usec = usec;
        events->at_record = false;
        return 0;
}

_public_ int hpcnode_cgroup_events_seek_last(hpcnode_cgroup_events *events, size_t n,
                                             hpcnode_cgroup_error *ret_error)
{
        int r;

        r = sd_journal_seek_tail(events->journal);
        if (r >= 0)
                r = n > 0 ? sd_journal_previous_skip(events->journal, n)
                          : sd_journal_previous(events->journal);
        /* With no record at all, the first one will be the next. */
        events->at_record = r > 0 && n > 0;
        if (r == 0)
                r = sd_journal_seek_head(events->journal);
        return r < 0 ? client_journal_error(ret_error, r) : 0;
}

/* --- one record --- */

static int add_field(const char *data, size_t length, void *userdata)
{
        hpcnode_cgroup_events *ev = userdata;
        const char *equals = memchr(data, '=', length);
        char key[EVENT_NAME_MAX + 1];
        EventField field;
        Field *f;

        if (!equals || event_field_key(data, (size_t) (equals - data), key) < 0)
                return 0;
        field = event_field_from_key(key);
        if (field >= 0 && event_field_table[field].kind == EVENT_KIND_HIDDEN)
                return 0;
        if (ev->n_fields == ev->n_allocated) {
                size_t n = ev->n_allocated * 2 ?: 32;

                f = reallocarray(ev->fields, n, sizeof(*f));
                if (!f)
                        return -ENOMEM;
                ev->fields = f;
                ev->n_allocated = n;
        }
        f = &ev->fields[ev->n_fields];
        *f = (Field){
                .field = field < 0 ? _EVENT_FIELD_MAX : field,
                .key = strdup(key),
                .value = strndup(equals + 1, length - (size_t) (equals + 1 - data)),
        };
        ev->n_fields++;
        return f->key && f->value ? 0 : -ENOMEM;
}

/* The journal does not keep the order in which fields were written. */
static int compare_fields(const void *a, const void *b)
{
        const Field *x = a, *y = b;
        int r = (x->field > y->field) - (x->field < y->field);

        if (r == 0)
                r = strcmp(x->key, y->key);
        return r != 0 ? r : strcmp(x->value, y->value);
}

static int make_line(hpcnode_cgroup_events *ev)
{
        size_t n;
        FILE *f;

        f = open_memstream(&ev->line, &n);
        if (!f)
                return -ENOMEM;
        (void) fputs("EVENT", f);
        for (size_t i = 0; i < ev->n_fields; i++)
                event_line_put(f, ev->fields[i].key, ev->fields[i].value);
        return fclose(f) < 0 ? -ENOMEM : 0;
}

static int read_record(hpcnode_cgroup_events *ev)
{
        int r;

        fields_clear(ev);
        r = client_journal_read_fields(ev->journal, add_field, ev);
        if (r < 0)
                return r;
        qsort(ev->fields, ev->n_fields, sizeof(*ev->fields), compare_fields);
        return make_line(ev);
}

static bool is_older(const hpcnode_cgroup_events *ev)
{
        uint64_t ms;

        for (size_t i = 0; i < ev->n_fields; i++)
                if (ev->fields[i].field == EVENT_FIELD_TS_UNIX_MS)
                        return parse_u64(ev->fields[i].value, &ms) >= 0 &&
                               ms < ev->since_usec / USEC_PER_MSEC;
        return false;
}

_public_ int hpcnode_cgroup_events_next(hpcnode_cgroup_events *events,
                                        hpcnode_cgroup_error *ret_error)
{
        int r;

        while ((r = client_journal_next(events->journal, &events->at_record, ret_error)) > 0) {
                r = read_record(events);
                if (client_journal_is_lost(r))
                        continue;
                if (r < 0)
                        return client_journal_error(ret_error, r);
                if (!is_older(events))
                        return 1;
        }
        return r;
}

_public_ const char *hpcnode_cgroup_events_line(const hpcnode_cgroup_events *events)
{
        return events->line;
}

_public_ hpcnode_cgroup_field_kind hpcnode_cgroup_events_field(const hpcnode_cgroup_events *events,
                                                               size_t index, const char **ret_key,
                                                               const char **ret_value)
{
        const Field *f;
        uint64_t number;

        if (index >= events->n_fields)
                return HPCNODE_CGROUP_FIELD_NONE;
        f = &events->fields[index];
        *ret_key = f->key;
        *ret_value = f->value;
        if (f->field == _EVENT_FIELD_MAX)
                return HPCNODE_CGROUP_FIELD_TEXT;
        if (event_field_table[f->field].kind == EVENT_KIND_LIST)
                return HPCNODE_CGROUP_FIELD_LIST;
        return event_field_table[f->field].kind == EVENT_KIND_NUMBER &&
                               parse_u64(f->value, &number) >= 0
                       ? HPCNODE_CGROUP_FIELD_NUMBER
                       : HPCNODE_CGROUP_FIELD_TEXT;
}

/* --- waiting for more --- */

_public_ int hpcnode_cgroup_events_wait(hpcnode_cgroup_events *events, int cancel_fd,
                                        hpcnode_cgroup_error *ret_error)
{
        return client_journal_wait(events->journal, &events->watched, cancel_fd, ret_error);
}
