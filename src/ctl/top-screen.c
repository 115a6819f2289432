/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The live screen of `top`, by ncurses: drawn anew when the timer, a key or the window says so. */
#define NCURSES_WIDECHAR 1
#include "top-screen.h"

#include <curses.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/eventfd.h>

/* Rates take two samples: the first pair comes sooner than those that follow. */
#define FIRST_USEC (500 * USEC_PER_MSEC)

/* "SCOPE/TASK SIGNAL" */
#define PROMPT_SIZE 300

typedef enum Prompt { PROMPT_NONE, PROMPT_DELAY, PROMPT_SIGNAL, _PROMPT_MAX } Prompt;

static const char *const questions[_PROMPT_MAX] = {
        [PROMPT_NONE] = "",
        [PROMPT_DELAY] = "seconds between two looks: ",
        [PROMPT_SIGNAL] = "send a signal, TERM unless another one follows the name: ",
};

#define NAME_WIDTH_MIN 12

static const int widths[_TOP_COLUMN_MAX] = {
        [TOP_STATE] = 9,  [TOP_TASKS] = 6, [TOP_PROCS] = 6, [TOP_CPU] = 8,
        [TOP_MEMORY] = 8, [TOP_READ] = 8,  [TOP_WRITE] = 8, [TOP_PRESSURE] = 10,
};

static const char *const help_lines[] = {
        "c P     sort by cpu time used lately, in percent of one cpu",
        "m M     sort by memory",
        "i       sort by what is read and written",
        "p       sort by pressure: the share of time in which something had to wait",
        "n N     sort by name",
        "T       sort by the number of tasks",
        "r       reverse the order",
        "t       show tasks, or scopes only",
        "space   look again now",
        "k       send a signal to a scope or task",
        "d s     set the time between two looks; + and - make it longer and shorter",
        "up down page-up page-down home end   scroll",
        "h ?     this help",
        "q       quit",
        "",
        "Any key goes back.",
};

/* The daemon is asked by a thread, so that keys act while it does not answer. Meanwhile the handle is the thread's. */
typedef struct Look {
        pthread_t thread;
        bool going_on;
        int done;     /* an eventfd */
        char *target; /* owned; NULL: none: it gets the signal before anything is asked */
        int signal;
        Top top; /* the copy that asks */
        int result;
        hpcnode_cgroup_error error;
} Look;

typedef struct Screen {
        Top *top;
        Look look;
        size_t first; /* the row shown at the top */
        bool help, ended;
        Prompt prompt;
        char typed[PROMPT_SIZE];
        char *target; /* owned: to get the signal with the next look */
        int signal;
        char message[PROMPT_SIZE + 100];
} Screen;

static volatile sig_atomic_t ending_signal;

static void on_signal(int signal)
{
        ending_signal = signal;
}

/* --- drawing --- */

static size_t rows_shown(void)
{
        int n = LINES - TOP_HEADER_LINES - 2;

        return n > 0 ? (size_t) n : 0;
}

static void put_line(int y, const char *text)
{
        (void) mvaddnstr(y, 0, text, COLS);
}

static int name_width(void)
{
        int width = COLS;

        for (size_t i = 0; i < _TOP_COLUMN_MAX; i++)
                width -= widths[i] > 0 ? widths[i] + 1 : 0;
        return width > NAME_WIDTH_MIN ? width : NAME_WIDTH_MIN;
}

/* A line of columns: the headings, or a row. */
static void draw_columns(int y, const TopRow *row, TopSort by)
{
        char line[1024] = "", cell[FORMAT_SIZE];
        size_t n = 0;

        for (TopColumn c = 0; c < _TOP_COLUMN_MAX && n < sizeof(line) - 1; c++) {
                const char *text = row ? top_cell(row, c, by, cell) : top_headings[c];
                int width = c == TOP_NAME ? name_width() : widths[c];

                n += (size_t) snprintf(line + n, sizeof(line) - n, "%s%*.*s", n > 0 ? " " : "",
                                       top_is_text(c) ? -width : width, width, text);
        }
        put_line(y, line);
}

static void draw_help(void)
{
        for (size_t i = 0; i < ELEMENTSOF(help_lines); i++)
                put_line((int) i, help_lines[i]);
}

static void draw_rows(Screen *s)
{
        const TopSample *sample = &s->top->sample;
        size_t n = rows_shown();

        if (s->first + n > sample->n)
                s->first = sample->n > n ? sample->n - n : 0;
        for (size_t i = 0; i < n && s->first + i < sample->n; i++)
                draw_columns(TOP_HEADER_LINES + 2 + (int) i, &sample->rows[s->first + i],
                             s->top->by);
}

static void draw(Screen *s)
{
        char line[sizeof(s->message) + PROMPT_SIZE];

        (void) erase();
        if (s->help) {
                draw_help();
                (void) refresh();
                return;
        }
        for (int i = 0; i < TOP_HEADER_LINES; i++)
                put_line(i, s->top->header[i]);
        (void) snprintf(line, sizeof(line), "%s%s",
                        s->prompt != PROMPT_NONE ? questions[s->prompt] : s->message,
                        s->prompt != PROMPT_NONE ? s->typed : "");
        (void) attron(A_BOLD);
        put_line(TOP_HEADER_LINES, line);
        (void) attroff(A_BOLD);
        (void) attron(A_REVERSE);
        draw_columns(TOP_HEADER_LINES + 1, NULL, s->top->by);
        (void) attroff(A_REVERSE);
        draw_rows(s);
        (void) refresh();
}

/* --- what is shown --- */

static void *look(void *userdata)
{
        Look *l = userdata;

        l->result = l->target ? hpcnode_cgroup_kill(l->top.c, l->target, l->signal, &l->error) : 0;
        if (l->result >= 0)
                l->result = top_ask(&l->top, &l->error);
        (void) eventfd_write(l->done, 1);
        return NULL;
}

static void tell_error(Screen *s, const hpcnode_cgroup_error *e)
{
        (void) snprintf(s->message, sizeof(s->message), "error: %s",
                        e->message ?: hpcnode_cgroup_error_name(e->code));
}

static void start_look(Screen *s)
{
        Look *l = &s->look;

        if (l->going_on)
                return;
        l->top = *s->top;
        l->target = TAKE_PTR(s->target);
        l->signal = s->signal;
        l->error = (hpcnode_cgroup_error) HPCNODE_CGROUP_ERROR_INIT;
        l->going_on = pthread_create(&l->thread, NULL, look, l) == 0;
        if (!l->going_on) {
                l->error.code = HPCNODE_CGROUP_ERROR_NO_MEMORY;
                tell_error(s, &l->error);
                top_arm(s->top, s->top->delay_usec);
        }
}

static void end_look(Screen *s)
{
        Look *l = &s->look;
        eventfd_t n;

        (void) eventfd_read(l->done, &n);
        (void) pthread_join(l->thread, NULL);
        l->going_on = false;
        *s->message = '\0';
        if (l->result < 0) {
                tell_error(s, &l->error);
        } else {
                top_take(s->top, &l->top);
                if (l->target)
                        (void) snprintf(s->message, sizeof(s->message), "signal %d sent to %s",
                                        l->signal, l->target);
        }
        hpcnode_cgroup_error_done(&l->error);
        free(TAKE_PTR(l->target));
        /* Tasks were hidden or shown, or a signal was wanted meanwhile. */
        if (l->top.tasks != s->top->tasks || s->target)
                start_look(s);
        else
                top_arm(s->top, s->top->delay_usec);
}

static void set_delay(Screen *s, uint64_t usec)
{
        s->top->delay_usec = usec;
        (void) snprintf(s->message, sizeof(s->message), "every %.1f s",
                        (double) usec / USEC_PER_SEC);
        top_arm(s->top, usec);
}

static void resort(Screen *s, TopSort by, bool reverse)
{
        s->top->by = by;
        s->top->reverse = reverse;
        s->first = 0;
        top_sort(&s->top->sample, by, reverse);
        top_describe(s->top);
}

/* --- keys --- */

static const struct {
        const char *keys;
        TopSort by;
} sort_keys[] = {
        { "cP", TOP_BY_CPU },     { "mM", TOP_BY_MEMORY }, { "iI", TOP_BY_IO },
        { "p", TOP_BY_PRESSURE }, { "nN", TOP_BY_NAME },   { "T", TOP_BY_TASKS },
};

static void scroll_by(Screen *s, long lines)
{
        if (lines < 0 && s->first < (size_t) -lines)
                s->first = 0;
        else
                s->first += (size_t) lines; /* draw_rows() sees to the end */
}

static bool scroll_key(Screen *s, int key)
{
        switch (key) {
        case KEY_UP:
                scroll_by(s, -1);
                return true;
        case KEY_DOWN:
                scroll_by(s, 1);
                return true;
        case KEY_PPAGE:
                scroll_by(s, -(long) rows_shown());
                return true;
        case KEY_NPAGE:
                scroll_by(s, (long) rows_shown());
                return true;
        case KEY_HOME:
                s->first = 0;
                return true;
        case KEY_END:
                s->first = s->top->sample.n;
                return true;
        default:
                return false;
        }
}

static void tell_refused(Screen *s, const char *text, const char *allowed)
{
        (void) snprintf(s->message, sizeof(s->message), "\"%s\" is not allowed: needed is %s", text,
                        allowed);
}

/* "NAME" or "NAME SIGNAL": no name has a space in it. */
static void send_typed(Screen *s)
{
        char *name, *word, *rest = NULL;
        int signal = SIGTERM;

        name = strtok_r(s->typed, " ", &rest);
        word = strtok_r(NULL, " ", &rest);
        if (!name)
                return;
        if (word)
                signal = signal_from_string(word);
        if (signal < 0) {
                tell_refused(s, word, SIGNAL_ALLOWED);
                return;
        }
        free(s->target);
        s->target = strdup(name);
        s->signal = signal;
        start_look(s);
}

static void take_typed(Screen *s)
{
        uint64_t usec;

        if (s->prompt == PROMPT_SIGNAL)
                send_typed(s);
        else if (!*s->typed)
                return;
        else if (delay_parse(s->typed, &usec) >= 0)
                set_delay(s, usec);
        else
                tell_refused(s, s->typed, DELAY_ALLOWED);
}

static void begin_prompt(Screen *s, Prompt prompt)
{
        s->prompt = prompt;
        *s->typed = '\0';
}

/* The line in which an answer is typed. */
static void prompt_key(Screen *s, int key)
{
        size_t n = strlen(s->typed);

        if (key == '\n' || key == '\r' || key == KEY_ENTER) {
                take_typed(s);
                s->prompt = PROMPT_NONE;
        } else if (key == 27) {
                s->prompt = PROMPT_NONE;
        } else if ((key == KEY_BACKSPACE || key == 127 || key == '\b') && n > 0) {
                s->typed[n - 1] = '\0';
        } else if (key >= ' ' && key < 127 && n < PROMPT_SIZE - 1) {
                s->typed[n] = (char) key;
                s->typed[n + 1] = '\0';
        }
}

static void other_key(Screen *s, int key)
{
        Top *t = s->top;

        switch (key) {
        case 'q':
        case 'Q':
                s->ended = true;
                break;
        case 'r':
        case 'R':
                resort(s, t->by, !t->reverse);
                break;
        case 't':
                t->tasks = !t->tasks;
                start_look(s);
                break;
        case ' ':
                start_look(s);
                break;
        case 'd':
        case 's':
                begin_prompt(s, PROMPT_DELAY);
                break;
        case 'k':
                begin_prompt(s, PROMPT_SIGNAL);
                break;
        case '+':
                if (t->delay_usec + USEC_PER_SEC <= DELAY_USEC_MAX)
                        set_delay(s, t->delay_usec + USEC_PER_SEC);
                break;
        case '-':
                set_delay(s, t->delay_usec > USEC_PER_SEC       ? t->delay_usec - USEC_PER_SEC
                             : t->delay_usec > USEC_PER_SEC / 2 ? USEC_PER_SEC / 2
                                                                : t->delay_usec);
                break;
        case 'h':
        case '?':
                s->help = true;
                break;
        }
}

static void handle_key(Screen *s, int key)
{
        if (key == KEY_RESIZE)
                return;
        if (s->help) {
                s->help = false;
                return;
        }
        if (s->prompt != PROMPT_NONE) {
                prompt_key(s, key);
                return;
        }
        for (size_t i = 0; i < ELEMENTSOF(sort_keys); i++)
                if (key > 0 && key < 127 && strchr(sort_keys[i].keys, key)) {
                        resort(s, sort_keys[i].by, false);
                        return;
                }
        if (!scroll_key(s, key))
                other_key(s, key);
}

/* --- the loop --- */

/* Signals come in the wait alone, so that none is missed right before it: the window's size has changed (SIGWINCH) or the
 * user comes back (SIGTSTP), which ncurses sees to, or the end. */
static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGTSTP };
#define N_ENDING 4

static void take_signals(sigset_t *ret_waiting)
{
        struct sigaction action = { .sa_handler = on_signal };
        sigset_t blocked;

        (void) sigemptyset(&blocked);
        for (size_t i = 0; i < ELEMENTSOF(signals); i++) {
                (void) sigaddset(&blocked, signals[i]);
                if (i < N_ENDING)
                        (void) sigaction(signals[i], &action, NULL);
        }
        (void) sigprocmask(SIG_BLOCK, &blocked, ret_waiting);
}

/* Waits for the timer, an answer, a key or a signal, and does what it asks for. `left`: looks until the end; below 0:
 * no end. */
static void turn(Screen *s, const sigset_t *waiting, int *left)
{
        struct pollfd fds[] = {
                { .fd = STDIN_FILENO, .events = POLLIN },
                { .fd = s->top->timer, .events = POLLIN },
                { .fd = s->look.done, .events = POLLIN },
        };
        uint64_t n;
        int key;

        if (ppoll(fds, ELEMENTSOF(fds), NULL, waiting) < 0 && errno != EINTR) {
                s->ended = true;
                return;
        }
        if (fds[1].revents && read(s->top->timer, &n, sizeof(n)) > 0)
                start_look(s);
        if (fds[2].revents) {
                end_look(s);
                if (*left > 0 && --*left == 0)
                        s->ended = true;
        }
        while ((key = getch()) != ERR)
                handle_key(s, key);
        /* The terminal has gone. */
        if (fds[0].revents & (POLLHUP | POLLERR | POLLNVAL))
                s->ended = true;
}

/* ^C is a way to quit; who ends it otherwise sees that it was that. */
static int end(Screen *s, const sigset_t *waiting)
{
        if (ending_signal != 0 && ending_signal != SIGINT) {
                (void) signal(ending_signal, SIG_DFL);
                (void) sigprocmask(SIG_SETMASK, waiting, NULL);
                (void) raise(ending_signal);
        }
        /* The handle cannot be closed, and nobody waits for the answer any more. */
        if (s->look.going_on)
                _exit(CTL_OK);
        (void) safe_close(s->look.done);
        free(s->target);
        return CTL_OK;
}

int top_screen(Top *t, int iterations)
{
        Screen s = { .top = t };
        int left = iterations > 0 ? iterations : -1;
        sigset_t waiting;
        SCREEN *terminal;

        s.look.done = eventfd(0, EFD_CLOEXEC);
        if (s.look.done < 0) {
                perror("error: eventfd");
                return CTL_FAILED;
        }
        take_signals(&waiting);
        terminal = newterm(NULL, stdout, stdin);
        if (!terminal) {
                (void) safe_close(s.look.done);
                fputs("error: this terminal is not known (TERM); try top --batch\n", stderr);
                return CTL_FAILED;
        }
        (void) cbreak();
        (void) noecho();
        (void) curs_set(0);
        (void) keypad(stdscr, true);
        (void) nodelay(stdscr, true);
        (void) set_escdelay(25);

        top_arm(t, t->delay_usec < FIRST_USEC ? t->delay_usec : FIRST_USEC);
        while (!s.ended && ending_signal == 0) {
                draw(&s);
                turn(&s, &waiting, &left);
        }
        (void) endwin();
        delscreen(terminal);
        return end(&s, &waiting);
}
