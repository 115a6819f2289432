/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the parts of the fuzz of the bus share: what can be called, and values to call it with. */
#pragma once

#include "../helper.h"

#include <stdbool.h>
#include <systemd/sd-bus.h>

#define BUS_NAME "org.hpcnode.Cgroup1"
#define BUS_PATH "/org/hpcnode/Cgroup1"

/* Each call has its own generator, so that one can be made again alone. */
void random_seed(uint64_t seed, uint64_t call);
uint32_t below(uint32_t n); /* n > 0 */
static inline bool one_in(uint32_t n)
{
        return below(n) == 0;
}

/* interfaces.c: objects with their methods, as the daemon itself tells of them. */
typedef struct Method {
        char *interface, *member;
        char *signature; /* of its arguments */
        char *names;     /* theirs, with a space behind each */
} Method;

typedef struct Object {
        char *path;
        Method *methods;
        size_t n_methods;
} Object;

extern Object *objects;
extern size_t n_objects;

/* Left out. */
#define EXCEPTED_MAX 4
extern const char *excepted_members[EXCEPTED_MAX];

/* Introspects the manager, and the objects of all scopes and tasks that there are. */
void learn_objects(sd_bus *bus);

/* values.c */
/* Of an owner: what it may do, in this slice and to scopes of its own, comes more often. NULL: of others. */
extern const char *owned_slice;

/* Words of this node that are worth naming: scopes, units, interfaces, … Takes a copy. */
void learn_word(const char *word);

/* Any text, UTF-8. The buffer is the next call's. */
const char *any_text(void);

/* Appends values of these types; as large as fits into one message. names: of the arguments, or "", for
 * values that make sense. False when sd-bus refuses it. */
bool append_values(sd_bus_message *m, const char *signature, const char *names);

/* A signature of some other arguments. */
const char *any_signature(void);
