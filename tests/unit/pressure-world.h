/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A small node under pressure that comes and goes, with scopes, clients and an operator, all by chance. It does
 * what the decisions say, and holds each of them against what must be true of any. */
#pragma once

#include "daemon/config.h"

#define WORLD_SCOPES_MAX 12
#define WORLD_PROPERTY(condition, sentence) \
        do {                                \
                if (!(condition))           \
                        return (sentence);  \
        } while (false)

/* What pressure has done and not undone. */
typedef struct WorldNote {
        unsigned id;
        PressureAct act;
        PsiResource resource;
} WorldNote;

typedef struct World {
        uint64_t (*draw)(void *userdata); /* where chance comes from */
        void *userdata;

        Config config;
        PressureLook look;
        PressurePast past;
        PressureScope scopes[WORLD_SCOPES_MAX];
        unsigned ids[WORLD_SCOPES_MAX], last_id;
        size_t n;
        uint64_t order;

        /* What is true, whether or not a decision gets to know it. */
        unsigned level[_PSI_RESOURCE_MAX]; /* 0 calm to 3 bad */
        unsigned peaks[_PSI_RESOURCE_MAX][_PSI_KIND_MAX];
        uint64_t acted_usec[_PSI_RESOURCE_MAX];
        uint64_t quiet_usec[_PSI_RESOURCE_MAX]; /* and nothing undone since; 0: it is not */
        WorldNote notes[2 * WORLD_SCOPES_MAX];
        size_t n_notes;

        unsigned long acts[_PRESSURE_ACT_MAX]; /* so many of each so far */
} World;

void world_init(World *w, uint64_t (*draw)(void *userdata), void *userdata);
void world_done(World *w);

/* The world goes on a little, and all that is due is decided and done. NULL, or what is wrong with a decision. */
const char *world_step(World *w);
