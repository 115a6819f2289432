/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A job's pseudo-terminal, and the terminal here that it is shown on. */
#pragma once

#include "basic/macro.h"

#include <sys/types.h>

typedef struct Pty Pty;
struct termios;

/* Makes a pseudo-terminal as large as the terminal here. With an owner (a user by name or number; NULL: the caller)
 * it is that user's, if we may give it away. */
int pty_open(const char *owner, Pty **ret);

/* The job's end of it, which is the job's alone once pty_forward() has been called. */
int pty_slave(const Pty *p);

/* Starts the process that moves bytes between it and standard input and output, until pty_end(), or our own
 * end. The terminal is raw from here on. SIGCHLD, which is left to the caller, says that it has ended. */
int pty_forward(Pty *p);

/* Whether the user has left the job, which then goes on with its terminal. */
bool pty_is_left(Pty *p);

/* Shows what is left of the output, and gives the terminal back. When it is not known whether the job has ended,
 * only when nobody has the pseudo-terminal open any more. Takes NULL. */
void pty_end(Pty *p, bool job_has_ended);

Pty *pty_free(Pty *p);
DEFINE_CLEANUP(Pty *, pty_free);

/* The size of the terminal here; 24 lines of 80 without one. */
void pty_take_size(int slave);

/* Sets the terminal at standard input to raw mode; 0 or negative errno. */
int terminal_set_raw(const struct termios *saved);

/* Whether we are in the foreground of a terminal, so that its modes are ours to change. */
bool terminal_is_ours(int fd);

/* --- pty-forward.c --- */

/* How the process that forwards ends. */
enum {
        FORWARD_DONE = 0,
        FORWARD_LEFT = 3,
};

/* What it is told through `control`; at the end of that it shows what is left, and ends. */
#define CONTROL_UNTIL_CLOSED 'c' /* end when the job has closed its terminal */

/* In a process of its own. input: whether standard input is read; saved: the modes it had, NULL when it is no
 * terminal. */
_Noreturn void forward(int master, int slave, int control, bool input, const struct termios *saved);
