/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `top`: what is gathered, and the screen on which it is shown. */
#pragma once

#include "ctl.h"
#include "top.h"

#define TOP_HEADER_LINES 2
#define TOP_HEADER_SIZE  256

typedef struct Top {
        hpcnode_cgroup *c;
        Arguments *a;
        TopSample sample;                          /* sorted */
        uint64_t pressure_permyriad[_TOP_RES_MAX]; /* of the node */
        char header[TOP_HEADER_LINES][TOP_HEADER_SIZE];
        TopSort by;
        bool reverse, tasks;
        uint64_t delay_usec;
        uint64_t rest_usec; /* after what it took to ask */
        int timer;
} Top;

/* Puts a new sample, unsorted and without rates, in the place of one that a copy still has, with the header's figures;
 * 0, or a negative errno with a sentence in *e. */
int top_ask(Top *t, hpcnode_cgroup_error *e);

/* Takes the sample over from a copy that has asked. */
void top_take(Top *t, Top *asked);

/* Writes the header anew: the order has changed. */
void top_describe(Top *t);

/* Lets the timer go off once: so long after the last sample, or at once. */
void top_arm(Top *t, uint64_t usec);

/* Shows it on the terminal until the user has seen enough, or so many times (0: no limit). The exit status. */
int top_screen(Top *t, int iterations);
