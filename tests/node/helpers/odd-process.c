/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Processes that not everything can be done with. Prints a number when it is there, and then stays:
 *
 *   threads  has a second thread, whose id it is
 *   zombie   has a child, whose pid it is, which exits with 7 on SIGUSR1; and never asks how it ended
 *   reaper   the same, and asks all the time */
#include "helper.h"

#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static void say(long number)
{
        printf("%ld\n", number);
        (void) fflush(stdout);
}

static void *stay(void *unused)
{
        say(syscall(SYS_gettid));
        for (;;)
                (void) pause();
        return NULL;
}

static void leave(int sig)
{
        _exit(7);
}

static void start_child(void)
{
        pid_t pid;

        (void) signal(SIGUSR1, leave);
        pid = fork();
        if (pid < 0)
                die("fork");
        if (pid == 0)
                for (;;)
                        (void) pause();
        say(pid);
}

int main(int argc, char **argv)
{
        pthread_t thread;

        if (argc == 2 && streq(argv[1], "threads") &&
            pthread_create(&thread, NULL, stay, NULL) != 0)
                die("pthread_create");
        else if (argc == 2 && (streq(argv[1], "zombie") || streq(argv[1], "reaper")))
                start_child();
        else if (argc != 2 || !streq(argv[1], "threads"))
                usage("threads | zombie | reaper");
        if (streq(argv[1], "reaper"))
                (void) wait(NULL);
        for (;;)
                (void) pause();
}
