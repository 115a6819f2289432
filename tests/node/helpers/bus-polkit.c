/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Stands in for polkit: says on stdout what it is asked and what is withdrawn, a line each, and
 * answers when it is told to: each line of stdin, which is yes, no, challenge, dismissed or error,
 * is the answer to the oldest question, or after "newest" to that. Ends with stdin. The user is to
 * be polkitd, whom alone the bus lets have the name. */
#include "helper.h"

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#define NAME "org.freedesktop.PolicyKit1"

#define QUESTIONS_MAX 2048

typedef struct Question {
        sd_bus_message *message;
        char *id;
} Question;

static Question questions[QUESTIONS_MAX];
static size_t n_questions;

static void remove_question(size_t i)
{
        sd_bus_message_unref(questions[i].message);
        free(questions[i].id);
        memmove(questions + i, questions + i + 1, (--n_questions - i) * sizeof(Question));
}

static unsigned uid_of(sd_bus_message *m, const char *name)
{
        sd_bus_creds *creds = NULL;
        uid_t uid = (uid_t) -1;

        if (sd_bus_get_name_creds(sd_bus_message_get_bus(m), name, SD_BUS_CREDS_EUID, &creds) >= 0)
                (void) sd_bus_creds_get_euid(creds, &uid);
        sd_bus_creds_unref(creds);
        return uid;
}

/* "ask UID ACTION flags=N KEY=VALUE..." */
static int on_check(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        const char *kind, *name, *action, *key, *value, *id;
        char details[1024] = "";
        uint32_t flags;
        int r;

        r = sd_bus_message_read(m, "(sa{sv})s", &kind, 1, &key, "s", &name, &action);
        if (r >= 0)
                r = sd_bus_message_enter_container(m, 'a', "{ss}");
        while (r >= 0 && (r = sd_bus_message_read(m, "{ss}", &key, &value)) > 0)
                (void) snprintf(details + strlen(details), sizeof(details) - strlen(details),
                                " %s=%s", key, value);
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        if (r >= 0)
                r = sd_bus_message_read(m, "us", &flags, &id);
        if (r < 0)
                return r;
        if (!streq(kind, "system-bus-name") || *name != ':' || n_questions == QUESTIONS_MAX)
                return -EBADMSG;
        questions[n_questions++] = (Question){ sd_bus_message_ref(m), strdup(id) };
        printf("ask %u %s flags=%u%s\n", uid_of(m, name), action, (unsigned) flags, details);
        return 1;
}

static int on_cancel(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        const char *id;
        int r;

        r = sd_bus_message_read(m, "s", &id);
        if (r < 0)
                return r;
        for (size_t i = 0; i < n_questions; i++)
                if (streq_ptr(questions[i].id, id)) {
                        puts("withdrawn");
                        remove_question(i);
                        return sd_bus_reply_method_return(m, "");
                }
        puts("withdrawn unknown");
        return -ENOENT;
}

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("CheckAuthorization", "(sa{sv})sa{ss}us", "(bba{ss})", on_check,
                      SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("CancelCheckAuthorization", "s", "", on_cancel, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

static void answer(const char *line)
{
        const char *word = startswith(line, "newest ") ?: line;
        size_t i = word != line && n_questions > 0 ? n_questions - 1 : 0;
        sd_bus_message *m = questions[i].message;
        int r;

        if (n_questions == 0)
                return;
        if (streq(word, "error"))
                r = sd_bus_reply_method_errorf(m, NAME ".Error.Failed", "it is out of order");
        else if (streq(word, "dismissed"))
                r = sd_bus_reply_method_return(m, "(bba{ss})", 0, 0, 1, "polkit.dismissed", "true");
        else
                r = sd_bus_reply_method_return(m, "(bba{ss})", (int) streq(word, "yes"),
                                               (int) streq(word, "challenge"), 0);
        if (r < 0)
                fprintf(stderr, "cannot answer: %s\n", strerror(-r));
        remove_question(i);
}

static int on_input(sd_event_source *s, int fd, uint32_t revents, void *userdata)
{
        char line[64];

        if (!fgets(line, sizeof(line), stdin))
                return sd_event_exit(sd_event_source_get_event(s), 0);
        line[strcspn(line, "\n")] = 0;
        answer(line);
        return 0;
}

int main(void)
{
        sd_event *event = NULL;
        sd_bus *bus = NULL;
        int r;

        (void) setvbuf(stdin, NULL, _IONBF, 0);
        (void) setvbuf(stdout, NULL, _IOLBF, 0);
        r = sd_event_default(&event);
        if (r >= 0)
                r = sd_bus_open_system(&bus);
        if (r >= 0)
                r = sd_bus_add_object_vtable(bus, NULL, "/org/freedesktop/PolicyKit1/Authority",
                                             NAME ".Authority", vtable, NULL);
        if (r >= 0)
                r = sd_bus_attach_event(bus, event, 0);
        if (r >= 0)
                r = sd_event_add_io(event, NULL, STDIN_FILENO, EPOLLIN, on_input, NULL);
        if (r >= 0)
                r = sd_bus_request_name(bus, NAME, 0);
        if (r >= 0)
                puts("ready");
        if (r >= 0)
                r = sd_event_loop(event);
        if (r < 0) {
                errno = -r;
                die("polkit");
        }
        return 0;
}
