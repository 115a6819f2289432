/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading of a specification, in place: its values are the memfd's own pages, privately mapped. */

#include "sup-spec.h"

#include "basic/fields.h"
#include "basic/protocol.h"

#include <limits.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* The kernel takes at most a quarter of the stack limit (8 MiB by default) as arguments. */
#define SPEC_SIZE_MAX (64 * 1024 * 1024)

/* Room for one more element and, where it is a list of pointers, the NULL behind it. */
static int grow(void *list_pointer, size_t n, size_t size)
{
        void *list;

        if ((n & (n + 1)) != 0) /* grown to the next power of two minus one at each of these */
                return 0;
        memcpy(&list, list_pointer, sizeof(list));
        list = reallocarray(list, 2 * (n + 1), size);
        if (!list)
                return -ENOMEM;
        memcpy(list_pointer, &list, sizeof(list));
        return 0;
}

static int append_text(char ***list, size_t *n, char *text)
{
        int r = grow(list, *n, sizeof(char *));

        if (r < 0)
                return r;
        (*list)[(*n)++] = text;
        (*list)[*n] = NULL;
        return 0;
}

static int set_argv(Spec *spec, char *value)
{
        return append_text(&spec->argv, &spec->n_argv, value);
}

static int set_env(Spec *spec, char *value)
{
        if (*value == '=' || !strchr(value, '='))
                return -EINVAL;
        return append_text(&spec->env, &spec->n_env, value);
}

static int set_cwd(Spec *spec, char *value)
{
        if (*value != '/')
                return -EINVAL;
        spec->cwd = value;
        return 0;
}

/* -1 means "no change" to the system calls, so it is nobody's number. */
static int parse_id(const char *value, uint32_t *ret)
{
        uint64_t id;

        if (parse_u64(value, &id) < 0 || id >= UINT32_MAX)
                return -EINVAL;
        *ret = (uint32_t) id;
        return 0;
}

static int set_uid(Spec *spec, char *value)
{
        spec->has_uid = true;
        return parse_id(value, &spec->uid);
}

static int set_gid(Spec *spec, char *value)
{
        spec->has_gid = true;
        return parse_id(value, &spec->gid);
}

static int set_groups(Spec *spec, char *value)
{
        int r = grow(&spec->groups, spec->n_groups, sizeof(gid_t));

        if (r < 0)
                return r;
        return parse_id(value, &spec->groups[spec->n_groups++]);
}

static int set_nice(Spec *spec, char *value)
{
        int64_t nice;

        if (parse_i64(value, &nice) < 0 || nice < -20 || nice > 19)
                return -EINVAL;
        spec->has_nice = true;
        spec->nice = (int) nice;
        return 0;
}

static int set_rlimit(Spec *spec, char *value)
{
        uint64_t numbers[3];

        for (size_t i = 0; i < ELEMENTSOF(numbers); i++) {
                char *word = strsep(&value, " ");

                if (!word || parse_u64(word, &numbers[i]) < 0)
                        return -EINVAL;
        }
        if (value || numbers[1] > numbers[2])
                return -EINVAL;
        if (numbers[0] >= RLIM_NLIMITS)
                return 0; /* of a newer kernel */
        spec->rlimits[numbers[0]] =
                (struct rlimit){ .rlim_cur = numbers[1], .rlim_max = numbers[2] };
        spec->has_rlimit[numbers[0]] = true;
        return 0;
}

/* One that is not known here must not be left out. */
static int set_limit(Spec *spec, char *value)
{
        int r = limits_from_field(&spec->limits, value);

        return r == -ENOENT ? -EINVAL : r;
}

static int set_no_new_privs(Spec *spec, char *value)
{
        spec->no_new_privs = streq(value, "1");
        return spec->no_new_privs || streq(value, "0") ? 0 : -EINVAL;
}

static int set_oom_score_adj(Spec *spec, char *value)
{
        int64_t score;

        if (parse_i64(value, &score) < 0 || score < -1000 || score > 1000)
                return -EINVAL;
        spec->oom_score_adj = value;
        return 0;
}

static int set_log(Spec *spec, char *value)
{
        const char *path = startswith(value, "file:");

        if (path && *path != '/')
                return -EINVAL;
        if (!path && !streq(value, "journal") && !streq(value, "null"))
                return -EINVAL;
        spec->log_path = path;
        spec->log = path ? SPEC_LOG_FILE : streq(value, "null") ? SPEC_LOG_NULL : SPEC_LOG_JOURNAL;
        return 0;
}

static const struct {
        const char *key;
        int (*set)(Spec *spec, char *value);
} keys[] = {
        { SPEC_ARGV, set_argv },
        { SPEC_ENV, set_env },
        { SPEC_CWD, set_cwd },
        { SPEC_UID, set_uid },
        { SPEC_GID, set_gid },
        { SPEC_GROUPS, set_groups },
        { SPEC_NICE, set_nice },
        { SPEC_RLIMIT, set_rlimit },
        { SPEC_LIMIT, set_limit },
        { SPEC_NO_NEW_PRIVS, set_no_new_privs },
        { SPEC_OOM_SCORE_ADJ, set_oom_score_adj },
        { SPEC_LOG, set_log },
};

static int spec_set(Spec *spec, const char *key, char *value)
{
        for (size_t i = 0; i < ELEMENTSOF(keys); i++)
                if (streq(key, keys[i].key))
                        return keys[i].set(spec, value);
        return 0;
}

/* Groups without a user, or a user without a group, would be a mistake that leaves root's. */
static int spec_check(const Spec *spec)
{
        if (spec->n_argv == 0)
                return -EINVAL;
        if (spec->has_uid != spec->has_gid || (spec->n_groups > 0 && !spec->has_uid))
                return -EINVAL;
        return 0;
}

static int spec_read_fields(int fd, Spec *spec)
{
        FieldsReader reader;
        struct stat st;
        char *key, *value, *data;
        int r;

        if (fstat(fd, &st) < 0)
                return -errno;
        if (st.st_size <= 0 || st.st_size > SPEC_SIZE_MAX)
                return -EINVAL;
        data = mmap(NULL, (size_t) st.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
        if (data == MAP_FAILED)
                return -errno;
        reader = fields_reader(data, (size_t) st.st_size);
        while ((r = fields_next(&reader, &key, &value)) > 0) {
                r = spec_set(spec, key, value);
                if (r < 0)
                        return r;
        }
        return r < 0 ? r : spec_check(spec);
}

int spec_read(int fd, Spec *ret)
{
        static char *no_env[] = { NULL };
        Spec spec = { .env = NULL, .cwd = "/", .oom_score_adj = "0" };
        int r;

        r = spec_read_fields(fd, &spec);
        if (r < 0) {
                limits_done(&spec.limits);
                return r;
        }
        if (!spec.env)
                spec.env = no_env;
        *ret = spec;
        return 0;
}
