/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs a program on a terminal of its own as a person would: types, and looks at what is shown.
 *
 * What was shown is printed. When the program ends, the terminal has to have the modes that it had before. Exit status: the
 * program's, or 128 and its signal; 124 when something was not shown in time, 123 for other modes. */
#include "helper.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <termios.h>

#define USAGE                                                                                  \
        "STEP... -- COMMAND...\n"                                                              \
        "steps: size:ROWSxCOLUMNS  expect:TEXT (behind what was expected before)  type:TEXT\n" \
        "       signal:NUMBER (to the program)  run:SHELL-COMMAND  restored (some time or "    \
        "other)\n"                                                                             \
        "       hangup"

static int master, slave, children;
static pid_t pid;
static int status = -1;
static struct termios before;
static bool checks_modes = true;

static char shown[1 << 20];
static size_t n_shown, n_expected;
static int64_t deadline;
static const char *expected = "the end";

static void read_shown(void)
{
        char buffer[4096];
        ssize_t n;

        while (master >= 0 && (n = read(master, buffer, sizeof(buffer))) > 0) {
                (void) !write(STDOUT_FILENO, buffer, (size_t) n);
                if ((size_t) n > sizeof(shown) - 1 - n_shown)
                        n_shown = n_expected = 0;
                memcpy(shown + n_shown, buffer, (size_t) n);
                n_shown += (size_t) n;
                /* memmem() and strstr() would both do: no NUL is expected. */
                shown[n_shown] = '\0';
        }
}

/* Until there is something new; false when there will be nothing. */
static bool await_news(void)
{
        struct pollfd p[] = { { .fd = master, .events = POLLIN },
                              { .fd = children, .events = POLLIN } };
        int64_t left = deadline - now_msec();
        struct signalfd_siginfo si;

        if (status >= 0)
                return false;
        if (left <= 0 || poll(p, ELEMENTSOF(p), (int) left) == 0) {
                fprintf(stderr, "\non-terminal: in vain awaited: %s\n", expected);
                (void) kill(pid, SIGKILL);
                exit(124);
        }
        if (p[1].revents) {
                (void) !read(children, &si, sizeof(si));
                if (waitpid(pid, &status, WNOHANG) != pid)
                        status = -1;
        }
        read_shown();
        return true;
}

static void expect(const char *text)
{
        const char *found;

        expected = text;
        do
                found = memmem(shown + n_expected, n_shown - n_expected, text, strlen(text));
        while (!found && await_news());
        if (!found) {
                fprintf(stderr, "\non-terminal: it was not shown: %s\n", text);
                exit(124);
        }
        expected = "the end";
        n_expected = (size_t) (found - shown) + strlen(text);
}

static void type(const char *text)
{
        for (size_t n = strlen(text); n > 0;) {
                ssize_t k = write(master, text, n);

                if (k < 0 && errno == EAGAIN)
                        (void) poll(&(struct pollfd){ .fd = master, .events = POLLOUT }, 1, 1000);
                else if (k < 0)
                        die("write");
                else {
                        text += k;
                        n -= (size_t) k;
                }
        }
}

static void resize(const char *text)
{
        struct winsize size = { 0 };

        if (sscanf(text, "%hux%hu", &size.ws_row, &size.ws_col) != 2)
                usage(USAGE);
        if (ioctl(master, TIOCSWINSZ, &size) < 0)
                die("TIOCSWINSZ");
}

static bool is_restored(void)
{
        struct termios now;

        if (tcgetattr(slave, &now) < 0)
                die("tcgetattr");
        return now.c_iflag == before.c_iflag && now.c_oflag == before.c_oflag &&
               now.c_cflag == before.c_cflag && now.c_lflag == before.c_lflag &&
               memcmp(now.c_cc, before.c_cc, sizeof(now.c_cc)) == 0;
}

/* The kernel tells nobody of a change of modes. */
static void await_restored(void)
{
        while (!is_restored()) {
                if (now_msec() > deadline)
                        exit(123);
                (void) usleep(10000);
        }
        checks_modes = false;
}

static void hang_up(void)
{
        (void) close(slave);
        (void) close(master);
        master = slave = -1;
        checks_modes = false;
}

static void step(const char *text)
{
        const char *rest;

        if ((rest = startswith(text, "expect:")))
                expect(rest);
        else if ((rest = startswith(text, "type:")))
                type(rest);
        else if ((rest = startswith(text, "size:")))
                resize(rest);
        else if ((rest = startswith(text, "signal:")))
                (void) kill(pid, atoi(rest));
        else if ((rest = startswith(text, "run:"))) {
                if (system(rest) != 0)
                        exit(125);
        } else if (streq(text, "restored"))
                await_restored();
        else if (streq(text, "hangup"))
                hang_up();
        else
                usage(USAGE);
}

static _Noreturn void run_command(char **argv)
{
        sigset_t none;

        (void) setsid();
        if (ioctl(slave, TIOCSCTTY, 0) < 0)
                die("TIOCSCTTY");
        for (int fd = 0; fd <= STDERR_FILENO; fd++)
                (void) dup2(slave, fd);
        (void) sigemptyset(&none);
        (void) sigprocmask(SIG_SETMASK, &none, NULL);
        (void) execvp(argv[0], argv);
        die(argv[0]);
}

static void open_terminal(void)
{
        master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
        if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0)
                die("posix_openpt");
        slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
        if (slave < 0 || tcgetattr(slave, &before) < 0)
                die("TIOCGPTPEER");
        before.c_cc[VERASE] = 'H' & 0x1f; /* not the usual one */
        if (tcsetattr(slave, TCSANOW, &before) < 0 || tcgetattr(slave, &before) < 0)
                die("tcsetattr");
        resize("30x100");
}

int main(int argc, char **argv)
{
        sigset_t set;
        int i = 1, command = 1;

        while (command < argc && !streq(argv[command], "--"))
                command++;
        if (command + 1 >= argc)
                usage(USAGE);
        open_terminal();
        (void) sigemptyset(&set);
        (void) sigaddset(&set, SIGCHLD);
        (void) sigprocmask(SIG_BLOCK, &set, NULL);
        children = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
        deadline = now_msec() + DEADLINE_SEC * 1000;

        if (startswith(argv[i], "size:"))
                step(argv[i++]);
        pid = fork();
        if (pid == 0)
                run_command(argv + command + 1);
        while (i < command)
                step(argv[i++]);
        while (await_news())
                ;
        read_shown();
        if (checks_modes && !is_restored()) {
                fprintf(stderr, "\non-terminal: the terminal has other modes than before\n");
                return 123;
        }
        return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
