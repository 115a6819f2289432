/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* State on disk: files of KEY=VALUE lines, written atomically, or where there is no room in place. */
#include "daemon/state-file.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

/* Far above what 19 limits and a description need; a larger file is not ours. */
#define STATE_FILE_MAX (1024 * 1024)

/* --- plain fields --- */

static void append_field(Fields *f, const void *object, const StateField *field)
{
        const void *p = (const char *) object + field->offset;
        const char *key = field->key;

        switch (field->type) {
        case FIELD_STRING:
                fields_append(f, key, *(char *const *) p);
                break;
        case FIELD_BOOL:
                fields_append_u64(f, key, *(const bool *) p);
                break;
        case FIELD_U64:
                fields_append_u64(f, key, *(const uint64_t *) p);
                break;
        case FIELD_UNSIGNED:
                fields_append_u64(f, key, *(const unsigned *) p);
                break;
        case FIELD_INT:
                fields_append_i64(f, key, *(const int *) p);
                break;
        }
}

static int read_field(void *object, const StateField *field, const char *value)
{
        void *p = (char *) object + field->offset;
        FieldType type = field->type;
        uint64_t u = 0;
        int64_t n = 0;
        int r;

        if (type == FIELD_STRING) {
                char *copy = strdup(value);

                if (!copy)
                        return -ENOMEM;
                free(*(char **) p);
                *(char **) p = copy;
                return 0;
        }
        r = type == FIELD_INT ? parse_i64(value, &n) : parse_u64(value, &u);
        if (r < 0)
                return r;
        if ((type == FIELD_UNSIGNED && u > UINT_MAX) ||
            (type == FIELD_INT && (n < INT_MIN || n > INT_MAX)))
                return -ERANGE;
        if (type == FIELD_BOOL)
                *(bool *) p = u != 0;
        else if (type == FIELD_U64)
                *(uint64_t *) p = u;
        else if (type == FIELD_UNSIGNED)
                *(unsigned *) p = (unsigned) u;
        else
                *(int *) p = (int) n;
        return 0;
}

void state_append(Fields *f, const void *object, const StateField *fields, size_t n)
{
        for (size_t i = 0; i < n; i++)
                append_field(f, object, &fields[i]);
}

int state_read(void *object, const StateField *fields, size_t n, const char *key, const char *value)
{
        for (size_t i = 0; i < n; i++)
                if (streq(key, fields[i].key)) {
                        int r = read_field(object, &fields[i], value);

                        return r < 0 ? r : 1;
                }
        return 0;
}

/* --- files --- */

static int write_atomically(int dir, const char *name, const char *data, size_t length)
{
        _cleanup_(freep) char *temporary = NULL;
        _cleanup_(closep) int fd = -EBADF;

        if (asprintf(&temporary, ".#%s", name) < 0)
                return -ENOMEM;
        /* A new one: what stands there may be a pipe, or a link. */
        (void) unlinkat(dir, temporary, 0);
        fd = openat(dir, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0)
                return -errno;
        for (size_t done = 0; done < length;) {
                ssize_t n = write(fd, data + done, length - done);

                if (n < 0) {
                        int r = -errno;

                        (void) unlinkat(dir, temporary, 0);
                        return r;
                }
                done += (size_t) n;
        }
        if (renameat(dir, temporary, dir, name) < 0) {
                int r = -errno;

                (void) unlinkat(dir, temporary, 0);
                return r;
        }
        return 0;
}

/* A page is written in one piece, even if the daemon is killed amid it. */
#define IN_PLACE_MAX 4096

/* Overwrites the file of before, where there is no room for another: so what a job has come to is known
 * although the disk is full. The padding takes the place of what was longer. */
static int write_in_place(int dir, const char *name, Fields *f)
{
        _cleanup_(closep) int fd = -EBADF;
        char padding[IN_PLACE_MAX];
        struct stat st;
        size_t n = strlen("pad=\n") + strlen(STATE_END_KEY "=1\n");

        fd = openat(dir, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0 || fstat(fd, &st) < 0)
                return -ENOSPC;
        if (!S_ISREG(st.st_mode) || f->length + n > IN_PLACE_MAX || st.st_size > IN_PLACE_MAX)
                return -ENOSPC;
        n = (size_t) st.st_size > f->length + n ? (size_t) st.st_size - f->length - n : 0;
        memset(padding, '-', n);
        padding[n] = '\0';
        fields_append(f, "pad", padding);
        fields_append(f, STATE_END_KEY, "1");
        if (f->error < 0)
                return f->error;
        return pwrite(fd, f->data, f->length, 0) == (ssize_t) f->length ? 0 : -ENOSPC;
}

int state_file_write(int dir, const char *name, Fields *f)
{
        size_t length = f->length;
        int r;

        fields_append(f, STATE_END_KEY, "1");
        if (f->error < 0)
                return f->error;
        r = write_atomically(dir, name, f->data, f->length);
        if (r != -ENOSPC && r != -EDQUOT)
                return r;
        f->length = length;
        return write_in_place(dir, name, f) < 0 ? r : 0;
}

int state_file_read(int dir, const char *name, char **ret, size_t *ret_length)
{
        _cleanup_(closep) int fd = -EBADF;
        _cleanup_(freep) char *data = NULL;
        struct stat st;
        ssize_t n;

        fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (fd < 0)
                return -errno;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode) || st.st_size > STATE_FILE_MAX)
                return -EBADMSG;
        if (st.st_uid != geteuid())
                return -EPERM;
        data = malloc((size_t) st.st_size + 1);
        if (!data)
                return -ENOMEM;
        n = read(fd, data, (size_t) st.st_size);
        if (n < 0)
                return -errno;
        *ret_length = (size_t) n;
        *ret = TAKE_PTR(data);
        return 0;
}

int state_file_save(int dir, const char *name, const void *object, const StateField *fields,
                    size_t n)
{
        _cleanup_(fields_done) Fields f = {};

        state_append(&f, object, fields, n);
        return state_file_write(dir, name, &f);
}

int state_file_load(int dir, const char *name, void *object, const StateField *fields, size_t n)
{
        _cleanup_(freep) char *data = NULL;
        bool complete = false;
        FieldsReader reader;
        char *key, *value;
        size_t length;
        int r;

        r = state_file_read(dir, name, &data, &length);
        if (r < 0)
                return r;
        reader = fields_reader(data, length);
        while ((r = fields_next(&reader, &key, &value)) > 0) {
                complete = streq(key, STATE_END_KEY);
                r = state_read(object, fields, n, key, value);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;
        return complete ? 0 : -EBADMSG;
}
