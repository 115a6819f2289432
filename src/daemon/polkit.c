/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Questions to polkit: whether somebody may who is neither root nor an agent of the node. */
#include "daemon/polkit.h"

#include "daemon/call.h"
#include "daemon/log.h"

#include <inttypes.h>

#define POLKIT_DESTINATION "org.freedesktop.PolicyKit1"
#define POLKIT_PATH        "/org/freedesktop/PolicyKit1/Authority"
#define POLKIT_INTERFACE   "org.freedesktop.PolicyKit1.Authority"

#define CHECK_ALLOW_USER_INTERACTION (UINT32_C(1) << 0)

/* A rule answers in milliseconds, but the bus may have to start polkit first; and what was asked for
 * has to be done, too, while the client still waits. */
#define ANSWER_TIMEOUT_USEC (10 * USEC_PER_SEC)

/* For a person who has to find a password. Whoever asks has mostly left by then, which ends it. */
#define PERSON_TIMEOUT_USEC (300 * USEC_PER_SEC)

/* Each question that is asked is one of the replies that the bus lets us wait for (1024, all in all), and
 * may be for as long as its client likes: one user must not use them up. The others wait their turn. */
#define ASKED_MAX          256
#define ASKED_MAX_PER_USER 8

struct PolkitQuestion {
        Manager *manager;
        sd_bus_message *query;
        sd_bus_slot *slot; /* asked, and not answered */
        sd_event_source *deadline;
        uid_t uid;
        char *action, *id; /* the latter is polkit's handle to cancel it by */
        bool person;       /* may be asked */
        bool asked;        /* in polkit_asked, else in polkit_waiting */
        polkit_handler_t handler;
        void *userdata;
        TAILQ_ENTRY(PolkitQuestion) questions;
};

/* Without an answer: it may be slow, and its agent ask for a password that is of no use any more. */
static void withdraw(PolkitQuestion *q)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        q->slot = sd_bus_slot_unref(q->slot);
        r = sd_bus_message_new_method_call(q->manager->bus, &m, POLKIT_DESTINATION, POLKIT_PATH,
                                           POLKIT_INTERFACE, "CancelCheckAuthorization");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", q->id);
        if (r >= 0)
                r = sd_bus_message_set_expect_reply(m, false);
        if (r >= 0)
                r = sd_bus_message_set_auto_start(m, false);
        if (r >= 0)
                r = sd_bus_send(q->manager->bus, m, NULL);
        if (r < 0 && r != -ENOTCONN)
                log_warning("cannot withdraw a question to polkit: %s", strerror(-r));
}

PolkitQuestion *polkit_question_free(PolkitQuestion *q)
{
        Manager *m;

        if (!q)
                return NULL;
        m = q->manager;
        if (q->slot)
                withdraw(q);
        if (q->asked) {
                TAILQ_REMOVE(&m->polkit_asked, q, questions);
                if (!TAILQ_EMPTY(&m->polkit_waiting))
                        (void) sd_event_source_set_enabled(m->polkit_defer, SD_EVENT_ONESHOT);
        } else {
                TAILQ_REMOVE(&m->polkit_waiting, q, questions);
        }
        sd_bus_message_unref(q->query);
        sd_event_source_disable_unref(q->deadline);
        free(q->action);
        free(q->id);
        free(q);
        return NULL;
}

static void finish(PolkitQuestion *q, int r, const char *reason)
{
        polkit_handler_t handler = q->handler;
        void *userdata = q->userdata;

        polkit_question_free(q);
        handler(r, reason, userdata);
}

static void _printf_(3, 4) finishf(PolkitQuestion *q, int r, const char *format, ...)
{
        _cleanup_(freep) char *reason = NULL;
        va_list ap;

        va_start(ap, format);
        if (vasprintf(&reason, format, ap) < 0)
                reason = NULL;
        va_end(ap);
        finish(q, r, reason ?: "polkit does not allow it");
}

static int on_deadline(sd_event_source *s, uint64_t usec, void *userdata)
{
        PolkitQuestion *q = userdata;
        uint64_t timeout = q->person ? PERSON_TIMEOUT_USEC : ANSWER_TIMEOUT_USEC;

        finishf(q, -ETIMEDOUT, "polkit has not answered within %u s (action %s)",
                (unsigned) (timeout / USEC_PER_SEC), q->action);
        return 0;
}

/* --- the answer --- */

/* With these nobody was asked: there is no polkit, or PID 1 cannot start it. */
static const char *const absent[] = {
        SD_BUS_ERROR_SERVICE_UNKNOWN,          SD_BUS_ERROR_NAME_HAS_NO_OWNER,
        "org.freedesktop.systemd1.LoadFailed", "org.freedesktop.systemd1.NoSuchUnit",
        "org.freedesktop.systemd1.UnitMasked",
};

static void on_error(PolkitQuestion *q, const sd_bus_error *e)
{
        for (size_t i = 0; i < ELEMENTSOF(absent); i++)
                if (sd_bus_error_has_name(e, absent[i])) {
                        finish(q, -ENOENT,
                               "polkit, which could admit others, does not run on this node");
                        return;
                }
        if (sd_bus_error_has_name(e, SD_BUS_ERROR_NO_REPLY))
                finishf(q, -ECONNRESET, "polkit has ended without an answer (action %s)",
                        q->action);
        else
                finishf(q, -EIO, "polkit cannot tell (action %s): %s", q->action,
                        e->message ?: e->name);
}

/* The question was shown to somebody, who has closed it. */
static int was_dismissed(sd_bus_message *reply, bool *ret)
{
        const char *key, *value;
        int r;

        *ret = false;
        r = sd_bus_message_enter_container(reply, 'a', "{ss}");
        while (r >= 0 && (r = sd_bus_message_read(reply, "{ss}", &key, &value)) > 0)
                if (streq(key, "polkit.dismissed"))
                        *ret = true;
        return r;
}

static int on_answer(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        PolkitQuestion *q = userdata;
        int admitted, challenge, r;
        bool dismissed;

        q->slot = sd_bus_slot_unref(q->slot);
        if (sd_bus_message_is_method_error(reply, NULL)) {
                on_error(q, sd_bus_message_get_error(reply));
                return 0;
        }
        r = sd_bus_message_enter_container(reply, 'r', "bba{ss}");
        if (r >= 0)
                r = sd_bus_message_read(reply, "bb", &admitted, &challenge);
        if (r >= 0)
                r = was_dismissed(reply, &dismissed);
        if (r < 0)
                finish(q, r, "polkit gives an answer that cannot be read");
        else if (admitted)
                finish(q, 1, "");
        else if (dismissed)
                finishf(q, 0, "authentication was dismissed (polkit action %s)", q->action);
        else if (challenge && q->person)
                finishf(q, 0,
                        "it needs authentication (polkit action %s), and no polkit agent is there "
                        "to ask for it, such as pkttyagent; or the administrator admits uid %u by "
                        "a "
                        "polkit rule",
                        q->action, (unsigned) q->uid);
        else if (challenge)
                finishf(q, 0,
                        "it needs authentication (polkit action %s), and this call does not allow "
                        "to ask for it: hpcnode-ctl on a terminal does; or the administrator "
                        "admits uid %u by a polkit rule",
                        q->action, (unsigned) q->uid);
        else
                finishf(q, 0, "polkit does not admit uid %u (action %s)", (unsigned) q->uid,
                        q->action);
        return 0;
}

/* --- the question --- */

static bool may_ask(const PolkitQuestion *q)
{
        const PolkitQuestion *other;
        unsigned all = 0, own = 0;

        TAILQ_FOREACH (other, &q->manager->polkit_asked, questions) {
                all++;
                own += other->uid == q->uid;
        }
        return all < ASKED_MAX && own < ASKED_MAX_PER_USER;
}

static void ask(PolkitQuestion *q)
{
        Manager *m = q->manager;
        int r;

        TAILQ_REMOVE(&m->polkit_waiting, q, questions);
        TAILQ_INSERT_TAIL(&m->polkit_asked, q, questions);
        q->asked = true;
        /* The deadline is ours, and counts from the beginning. */
        r = sd_bus_call_async(m->bus, &q->slot, q->query, on_answer, q, UINT64_MAX);
        if (r < 0)
                finishf(q, r, "polkit cannot be asked (action %s): %s", q->action, strerror(-r));
}

/* One at a time: the handler of a question that fails may free others. */
static int on_defer(sd_event_source *s, void *userdata)
{
        Manager *m = userdata;
        PolkitQuestion *q;

        TAILQ_FOREACH (q, &m->polkit_waiting, questions)
                if (may_ask(q)) {
                        (void) sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
                        ask(q);
                        break;
                }
        return 0;
}

static int compose(PolkitQuestion *q, const char *sender, const char *const details[])
{
        int r;

        r = sd_bus_message_new_method_call(q->manager->bus, &q->query, POLKIT_DESTINATION,
                                           POLKIT_PATH, POLKIT_INTERFACE, "CheckAuthorization");
        /* By its name on the bus, which unlike a pid is never another's. */
        if (r >= 0)
                r = sd_bus_message_append(q->query, "(sa{sv})s", "system-bus-name", 1, "name", "s",
                                          sender, q->action);
        if (r >= 0)
                r = sd_bus_message_open_container(q->query, 'a', "{ss}");
        for (; r >= 0 && *details; details += 2)
                r = sd_bus_message_append(q->query, "{ss}", details[0], details[1]);
        if (r >= 0)
                r = sd_bus_message_close_container(q->query);
        if (r >= 0)
                r = sd_bus_message_append(q->query, "us",
                                          q->person ? CHECK_ALLOW_USER_INTERACTION : 0, q->id);
        return r;
}

int polkit_ask(Manager *m, sd_bus_message *message, uid_t uid, const char *action,
               const char *const details[], polkit_handler_t handler, void *userdata,
               PolkitQuestion **ret)
{
        _cleanup_(polkit_question_freep) PolkitQuestion *q = calloc(1, sizeof *q);
        int r;

        if (!q)
                return -ENOMEM;
        *q = (PolkitQuestion){
                .manager = m,
                .uid = uid,
                .action = strdup(action),
                .person = sd_bus_message_get_allow_interactive_authorization(message) > 0,
                .handler = handler,
                .userdata = userdata,
        };
        TAILQ_INSERT_TAIL(&m->polkit_waiting, q, questions);
        if (asprintf(&q->id, "hpcnode-cgroupd-%" PRIu64, m->polkit_last_id++) < 0)
                q->id = NULL;
        if (!q->action || !q->id)
                return -ENOMEM;
        r = compose(q, sd_bus_message_get_sender(message), details);
        if (r >= 0)
                r = sd_event_add_time_relative(
                        m->event, &q->deadline, CLOCK_MONOTONIC,
                        q->person ? PERSON_TIMEOUT_USEC : ANSWER_TIMEOUT_USEC, 0, on_deadline, q);
        if (r >= 0)
                r = sd_event_source_set_enabled(m->polkit_defer, SD_EVENT_ONESHOT);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(q);
        return 0;
}

/* Before the bus is left. */
static int on_loop_exit(sd_event_source *s, void *userdata)
{
        Manager *m = userdata;

        calls_drop(&m->polkit_calls);
        return 0;
}

int polkit_init(Manager *m)
{
        int r;

        TAILQ_INIT(&m->polkit_calls);
        TAILQ_INIT(&m->polkit_waiting);
        TAILQ_INIT(&m->polkit_asked);
        r = sd_event_add_defer(m->event, &m->polkit_defer, on_defer, m);
        if (r >= 0)
                r = sd_event_source_set_enabled(m->polkit_defer, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_add_exit(m->event, &m->polkit_exit, on_loop_exit, m);
        return r < 0 ? r
                     : sd_event_source_set_priority(m->polkit_exit, SD_EVENT_PRIORITY_IMPORTANT);
}

void polkit_done(Manager *m)
{
        m->polkit_defer = sd_event_source_disable_unref(m->polkit_defer);
        m->polkit_exit = sd_event_source_disable_unref(m->polkit_exit);
}
