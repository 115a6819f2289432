/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The files of /proc behind process-status.h. */
#include "basic/process-status.h"

#include "basic/cgroup-file.h"
#include "basic/process.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

/* What follows "\nKEY:" and white space. Names of processes stand there with their newlines escaped. */
static const char *status_value(const char *text, const char *key)
{
        size_t n = strlen(key);

        for (const char *line = text; line; line = strchr(line, '\n')) {
                line += *line == '\n';
                if (strncmp(line, key, n) == 0 && line[n] == ':')
                        return line + n + 1 + strspn(line + n + 1, "\t ");
        }
        return NULL;
}

static int parse_ids(const char *text, const char *key, uint32_t ids[static 4])
{
        const char *value = status_value(text, key);

        if (!value || sscanf(value, "%" SCNu32 "%" SCNu32 "%" SCNu32 "%" SCNu32, &ids[0], &ids[1],
                             &ids[2], &ids[3]) != 4)
                return -EBADMSG;
        return 0;
}

int process_status_parse(const char *text, ProcessStatus *ret)
{
        const char *state = status_value(text, "State"), *parent = status_value(text, "PPid"),
                   *permitted = status_value(text, "CapPrm"),
                   *threads = status_value(text, "Threads");
        ProcessStatus s = {};

        if (!state || !*state || !parent || sscanf(parent, "%d", &s.parent) != 1 || !permitted ||
            sscanf(permitted, "%" SCNx64, &s.permitted) != 1 || !threads ||
            sscanf(threads, "%" SCNu64, &s.threads) != 1)
                return -EBADMSG;
        if (parse_ids(text, "Uid", s.uids) < 0 || parse_ids(text, "Gid", s.gids) < 0)
                return -EBADMSG;
        s.state = *state;
        *ret = s;
        return 0;
}

static int read_proc(pid_t pid, const char *file, char **ret)
{
        char path[64];
        int r;

        (void) snprintf(path, sizeof path, "/proc/%d/%s", (int) pid, file);
        r = cgroup_read(AT_FDCWD, path, ret);
        return r == -ENOENT ? -ESRCH : r;
}

int process_status(pid_t pid, ProcessStatus *ret)
{
        _cleanup_(freep) char *text = NULL;
        int r = read_proc(pid, "status", &text);

        return r < 0 ? r : process_status_parse(text, ret);
}

static int stat_namespace(pid_t pid, const char *kind, struct stat *ret)
{
        char path[64];

        if (pid == 0)
                (void) snprintf(path, sizeof path, "/proc/self/ns/%s", kind);
        else
                (void) snprintf(path, sizeof path, "/proc/%d/ns/%s", (int) pid, kind);
        return stat(path, ret) < 0 ? -errno : 0;
}

int process_same_namespace(pid_t a, pid_t b, const char *kind)
{
        struct stat x, y;
        int r;

        r = stat_namespace(a, kind, &x);
        if (r >= 0)
                r = stat_namespace(b, kind, &y);
        return r < 0 ? r : x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

int process_cgroup(pid_t pid, char **ret_path)
{
        _cleanup_(freep) char *text = NULL;
        const char *path;
        size_t n;
        int r;

        r = read_proc(pid, "cgroup", &text);
        if (r < 0)
                return r;
        path = status_value(text, "0:"); /* "0::/path", after those of v1 */
        if (!path || *path != '/')
                return -ENODATA;
        n = strcspn(path, "\n");
        if (n >= strlen(" (deleted)") && startswith(path + n - strlen(" (deleted)"), " (deleted)"))
                return -ENOENT;
        *ret_path = strndup(path, n);
        return *ret_path ? 0 : -ENOMEM;
}

int process_open_cgroup(pid_t pid)
{
        _cleanup_(closep) int root = -EBADF;
        _cleanup_(freep) char *path = NULL;
        int r;

        r = process_cgroup(pid, &path);
        if (r < 0)
                return r;
        root = open(CGROUP_ROOT, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (root < 0)
                return -errno;
        return cgroup_open(root, path[1] ? path + 1 : ".");
}

int process_is_in_cgroup(pid_t pid, int dir)
{
        _cleanup_(closep) int own = process_open_cgroup(pid);
        struct stat a, b;

        if (own == -ESRCH)
                return own;
        if (own < 0 || fstat(own, &a) < 0 || fstat(dir, &b) < 0)
                return 0;
        return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}
