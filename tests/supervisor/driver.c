/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See driver.h. */

#include "driver.h"

#include "basic/cgroup-file.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

/* Generous: under emulation and sanitizers everything is some 20 times slower. */
#define PATIENCE_MSEC 60000

/* For a test that waits for something else than a packet. */
#define TEST_SEC 300

static unsigned count;

/* Of a test that failed, and is cleaned up by the next. */
static Driver *current;

uint64_t clock_now(void)
{
        struct timespec ts;

        (void) clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t) ts.tv_sec * USEC_PER_SEC + (uint64_t) ts.tv_nsec / NSEC_PER_USEC;
}

bool driver_possible(void)
{
        const char *top = getenv("HPCNODE_TEST_CGROUP");
        char path[256];

        if (!top || !getenv("HPCNODE_SUPERVISOR"))
                return false;
        (void) snprintf(path, sizeof(path), "%s/cgroup.procs", top);
        return access(path, W_OK) == 0;
}

/* --- the supervisor --- */

static int listen_at(const char *runtime)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

        assert_true(fd >= 0);
        (void) snprintf(address.sun_path, sizeof(address.sun_path), "%s/" DRIVER_ID ".sock",
                        runtime);
        assert_return_code(bind(fd, (struct sockaddr *) &address, sizeof(address)), errno);
        assert_return_code(listen(fd, 8), errno);
        return fd;
}

/* clone3 answers with this error, as with an old kernel or in many containers. */
static void refuse_clone3(int error)
{
        struct sock_filter filter[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned) error),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        struct sock_fprog program = { .len = ELEMENTSOF(filter), .filter = filter };

        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
            prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
                _exit(99);
}

static void exec_supervisor(Driver *d, int listen_fd, const DriverOptions *o)
{
        const char *argv[16] = {};
        const char **p = argv;

        if (o->real)
                p = mempcpy(argv,
                            (const char *[]){ "systemd-run", "--scope", "--quiet", "--collect",
                                              "-u", d->unit, "-p", "Delegate=yes", "--" },
                            9 * sizeof(char *));
        else if (cgroup_write(d->scope_fd, "cgroup.procs", "0") < 0)
                _exit(98);
        *p++ = getenv("HPCNODE_SUPERVISOR");
        *p = DRIVER_ID;
        if (o->clone3_error)
                refuse_clone3(o->clone3_error);
        if (dup2(listen_fd, PROTOCOL_LISTEN_FD) < 0)
                _exit(97);
        (void) fcntl(PROTOCOL_LISTEN_FD, F_SETFD, 0);
        (void) execvp(argv[0], (char *const *) argv);
        _exit(96);
}

static int open_directory(const char *path)
{
        int fd = open(path, O_DIRECTORY | O_CLOEXEC);

        assert_true(fd >= 0);
        return fd;
}

static void make_directories(Driver *d, const DriverOptions *o)
{
        d->top = o->real ? CGROUP_ROOT "/system.slice" : getenv("HPCNODE_TEST_CGROUP");
        (void) snprintf(d->unit, sizeof(d->unit), "test-%d-%u.scope", getpid(), count++);
        (void) snprintf(d->scope, sizeof(d->scope), "%s/%s", d->top, d->unit);
        (void) strcpy(d->runtime, "/tmp/hpcnode-test-XXXXXX");
        assert_non_null(mkdtemp(d->runtime));
        d->runtime_fd = open_directory(d->runtime);
        if (o->real)
                return;
        assert_return_code(mkdir(d->scope, 0755), errno);
        d->scope_fd = open_directory(d->scope);
}

Driver *driver_start(const DriverOptions *o)
{
        Driver *d = calloc(1, sizeof(*d));
        int listen_fd;

        if (current)
                driver_free(current);
        assert_non_null(d);
        current = d;
        (void) alarm(TEST_SEC);
        d->link = d->scope_fd = -EBADF;
        make_directories(d, o);
        assert_return_code(prctl(PR_SET_CHILD_SUBREAPER, 1), errno);
        listen_fd = listen_at(d->runtime);
        d->attached = fork();
        assert_true(d->attached >= 0);
        if (d->attached == 0)
                exec_supervisor(d, listen_fd, o);
        (void) close(listen_fd);
        driver_connect(d);
        driver_expect_drop(d, "type", "hello", "state", "waiting", NULL);
        driver_expect_drop(d, "type", "synced", "populated", "0", NULL);
        if (o->real)
                d->scope_fd = open_directory(d->scope);
        return d;
}

Driver *driver_new(const DriverOptions *o)
{
        static const DriverOptions usual;
        Driver *d = driver_start(o ? o : &usual);

        driver_setup(d, o && o->stop_timeout_usec ? o->stop_timeout_usec : 90 * USEC_PER_SEC);
        return d;
}

static void remove_directory(const char *path)
{
        DIR *dir = opendir(path);
        struct dirent *e;

        while (dir && (e = readdir(dir)))
                (void) unlinkat(dirfd(dir), e->d_name, 0);
        if (dir)
                (void) closedir(dir);
        (void) rmdir(path);
}

void driver_free(Driver *d)
{
        Message *next;
        int fd;

        current = NULL;
        driver_disconnect(d);
        (void) cgroup_write(d->scope_fd, "cgroup.kill", "1");
        while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
                ;
        fd = open(d->top, O_DIRECTORY | O_CLOEXEC);
        for (int i = 0; i < 200 && cgroup_remove(fd, strrchr(d->scope, '/') + 1) < 0; i++)
                (void) usleep(10000);
        (void) close(fd);
        (void) close(d->scope_fd);
        (void) close(d->runtime_fd);
        remove_directory(d->runtime);
        for (Message *m = d->unread; m; m = next) {
                next = m->next;
                free(m);
        }
        free(d);
}

void driver_connect(Driver *d)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        d->link = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        assert_true(d->link >= 0);
        (void) snprintf(address.sun_path, sizeof(address.sun_path), "%s/" DRIVER_ID ".sock",
                        d->runtime);
        assert_return_code(connect(d->link, (struct sockaddr *) &address, sizeof(address)), errno);
}

void driver_disconnect(Driver *d)
{
        d->link = safe_close(d->link);
}

void driver_setup(Driver *d, uint64_t stop_timeout_usec)
{
        Fields f = {};
        Message *m;

        fields_append(&f, "type", "setup");
        fields_append(&f, "unit", "workload-test.scope");
        fields_append(&f, "identifier", "test");
        fields_append_u64(&f, "stop_timeout_usec", stop_timeout_usec);
        m = driver_answer(d, driver_send(d, &f, (int[]){ d->scope_fd, d->runtime_fd }, 2));
        assert_string_equal(message_get(m, "type"), "done");
        d->lasting = (pid_t) message_number(m, "pid");
        free(m);
        assert_int_equal(waitpid(d->attached, NULL, 0), d->attached);
}

/* --- packets --- */

uint64_t driver_send(Driver *d, Fields *f, const int *fds, size_t n_fds)
{
        union {
                struct cmsghdr header;
                char space[CMSG_SPACE(16 * sizeof(int))];
        } control = {};
        struct iovec iov;
        struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

        fields_append_u64(f, "serial", ++d->serial);
        assert_int_equal(f->error, 0);
        iov = (struct iovec){ .iov_base = f->data, .iov_len = f->length };
        if (n_fds > 0) {
                m.msg_control = &control;
                m.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
                control.header.cmsg_level = SOL_SOCKET;
                control.header.cmsg_type = SCM_RIGHTS;
                control.header.cmsg_len = CMSG_LEN(n_fds * sizeof(int));
                memcpy(CMSG_DATA(&control.header), fds, n_fds * sizeof(int));
        }
        assert_int_equal(sendmsg(d->link, &m, MSG_NOSIGNAL), f->length);
        fields_done(f);
        return d->serial;
}

const char *message_get(const Message *m, const char *key)
{
        for (size_t i = 0; i < m->n; i++)
                if (streq(m->pairs[i].key, key))
                        return m->pairs[i].value;
        return NULL;
}

uint64_t message_number(const Message *m, const char *key)
{
        const char *value = message_get(m, key);
        uint64_t number;

        assert_non_null(value);
        assert_int_equal(parse_u64(value, &number), 0);
        return number;
}

static Message *receive(Driver *d)
{
        struct pollfd p = { .fd = d->link, .events = POLLIN };
        Message *m = calloc(1, sizeof(*m));
        FieldsReader r;
        ssize_t n;

        assert_non_null(m);
        if (poll(&p, 1, PATIENCE_MSEC) <= 0)
                fail_msg("nothing came from the supervisor");
        n = recv(d->link, m->data, sizeof(m->data), 0);
        if (n <= 0)
                fail_msg("the supervisor closed the connection");
        r = fields_reader(m->data, (size_t) n);
        while (fields_next(&r, &m->pairs[m->n].key, &m->pairs[m->n].value) > 0)
                assert_true(++m->n < ELEMENTSOF(m->pairs));
        assert_non_null(message_get(m, "type"));
        return m;
}

static bool matches(const Message *m, va_list wanted)
{
        bool result = true;
        const char *key;

        while ((key = va_arg(wanted, const char *)))
                result = streq_ptr(message_get(m, key), va_arg(wanted, const char *)) && result;
        return result;
}

static Message *expect(Driver *d, va_list wanted)
{
        for (Message **p = &d->unread;; p = &(*p)->next) {
                va_list copy;
                bool match;

                if (!*p)
                        *p = receive(d);
                va_copy(copy, wanted);
                match = matches(*p, copy);
                va_end(copy);
                if (match) {
                        Message *m = *p;

                        *p = m->next;
                        return m;
                }
        }
}

Message *driver_expect(Driver *d, ...)
{
        Message *m;
        va_list wanted;

        va_start(wanted, d);
        m = expect(d, wanted);
        va_end(wanted);
        return m;
}

void driver_expect_drop(Driver *d, ...)
{
        va_list wanted;

        va_start(wanted, d);
        free(expect(d, wanted));
        va_end(wanted);
}

Message *driver_answer(Driver *d, uint64_t serial)
{
        char text[24];

        (void) snprintf(text, sizeof(text), "%ju", (uintmax_t) serial);
        return driver_expect(d, "serial", text, NULL);
}

bool driver_has(Driver *d, const char *type)
{
        for (Message *m = d->unread; m; m = m->next)
                if (streq(message_get(m, "type"), type))
                        return true;
        return false;
}

void driver_expect_end(Driver *d)
{
        struct pollfd p = { .fd = d->link, .events = POLLIN };
        char data[PROTOCOL_PACKET_MAX];
        int status;

        do
                assert_int_equal(poll(&p, 1, PATIENCE_MSEC), 1);
        while (recv(d->link, data, sizeof(data), 0) > 0);
        assert_int_equal(waitpid(d->lasting ? d->lasting : d->attached, &status, 0),
                         d->lasting ? d->lasting : d->attached);
        assert_true(WIFEXITED(status));
}

/* --- tasks --- */

static int make_spec(const Program *p)
{
        static const char *const usual_env[] = { "PATH=/usr/bin:/bin", NULL };
        Fields f = {};
        int fd;

        for (const char *const *e = p->env ? p->env : usual_env; *e; e++)
                fields_append(&f, SPEC_ENV, *e);
        for (const char *const *a = p->argv; a && *a; a++)
                fields_append(&f, SPEC_ARGV, *a);
        if (!p->no_log)
                fields_append(&f, SPEC_LOG, "null");
        assert_int_equal(f.error, 0);
        fd = memfd_create("spec", MFD_CLOEXEC);
        assert_true(fd >= 0);
        if (f.length > 0)
                assert_int_equal(write(fd, f.data, f.length), f.length);
        if (p->spec)
                assert_int_equal(write(fd, p->spec, strlen(p->spec)), strlen(p->spec));
        fields_done(&f);
        return fd;
}

uint64_t driver_spawn_send(Driver *d, const char *task, const Program *p)
{
        Fields f = {};
        int fds[4] = { make_spec(p) };
        size_t n = 1;
        uint64_t serial;

        fields_append(&f, "type", "spawn");
        fields_append(&f, "task", task);
        fields_append_u64(&f, "timeout_usec",
                          p->timeout_usec ? p->timeout_usec : 30 * USEC_PER_SEC);
        fields_append(&f, "fds", p->fds ? p->fds : "");
        for (const char *s = p->fds; s && *s; s += strcspn(s, " "), s += strspn(s, " ")) {
                fds[n] = p->passed[n - 1];
                n++;
        }
        serial = driver_send(d, &f, fds, n);
        (void) close(fds[0]);
        return serial;
}

Message *driver_spawn(Driver *d, const char *task, const Program *p)
{
        return driver_answer(d, driver_spawn_send(d, task, p));
}

static void print(const Message *m)
{
        for (size_t i = 0; i < m->n; i++)
                print_message("%s=%s\n", m->pairs[i].key, m->pairs[i].value);
}

void driver_spawn_ok(Driver *d, const char *task, const Program *p)
{
        Message *m = driver_spawn(d, task, p);

        if (!streq(message_get(m, "type"), "done"))
                print(m);
        assert_string_equal(message_get(m, "type"), "done");
        assert_true(message_number(m, "pid") > 0);
        free(m);
}

void driver_spawn_ready(Driver *d, const char *task, const char *command, int *ret_stdin)
{
        int in[2], out[2];
        char c;

        assert_return_code(pipe2(in, O_CLOEXEC) | pipe2(out, O_CLOEXEC), errno);
        driver_spawn_ok(d, task,
                        &(Program){ .argv = SHELL(command),
                                    .fds = "stdin stdout",
                                    .passed = { in[0], out[1] } });
        (void) close(in[0]);
        (void) close(out[1]);
        assert_int_equal(read(out[0], &c, 1), 1);
        (void) close(out[0]);
        if (ret_stdin)
                *ret_stdin = in[1];
        else
                (void) close(in[1]);
}

void driver_spawn_fails(Driver *d, const char *task, const Program *p, const char *step, int error)
{
        Message *m = driver_spawn(d, task, p);

        assert_string_equal(message_get(m, "type"), "failed");
        assert_string_equal(message_get(m, "step"), step);
        assert_int_equal(message_number(m, "errno"), error);
        free(m);
}

Message *driver_run(Driver *d, const char *name, const Program *p, char *ret_output, size_t size)
{
        Program with_pipe = *p;
        size_t n = 0;
        int fds[2];
        ssize_t k;
        Message *m;

        assert_return_code(pipe2(fds, O_CLOEXEC), errno);
        with_pipe.fds = "stdout";
        with_pipe.passed[0] = fds[1];
        driver_spawn_ok(d, name, &with_pipe);
        (void) close(fds[1]);
        while (n < size - 1 && (k = read(fds[0], ret_output + n, size - 1 - n)) > 0)
                n += (size_t) k;
        ret_output[n] = '\0';
        (void) close(fds[0]);
        m = driver_expect(d, "type", "exited", "task", name, NULL);
        driver_forget(d, name);
        return m;
}

void driver_forget(Driver *d, const char *task)
{
        Fields f = {};

        fields_append(&f, "type", "forget");
        fields_append(&f, "task", task);
        (void) driver_send(d, &f, NULL, 0);
}

uint64_t driver_signal(Driver *d, const char *task, int signal)
{
        Fields f = {};

        fields_append(&f, "type", "signal");
        fields_append(&f, "task", task);
        fields_append_u64(&f, "signal", (uint64_t) signal);
        return driver_send(d, &f, NULL, 0);
}

void driver_stop(Driver *d)
{
        assert_return_code(cgroup_signal(d->scope_fd, SIGTERM), errno);
        assert_return_code(cgroup_signal(d->scope_fd, SIGCONT), errno);
}

/* --- the scope --- */

bool driver_exists(Driver *d, const char *path)
{
        return faccessat(d->scope_fd, path, F_OK, 0) == 0;
}

void driver_read(Driver *d, const char *path, char *buffer, size_t size)
{
        int fd = openat(d->scope_fd, path, O_RDONLY | O_CLOEXEC);
        ssize_t n;

        assert_true(fd >= 0);
        n = read(fd, buffer, size - 1);
        assert_true(n >= 0);
        buffer[n] = '\0';
        (void) close(fd);
}

void driver_write(Driver *d, const char *path, const char *text)
{
        int fd = openat(d->scope_fd, path, O_WRONLY | O_CLOEXEC);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, strlen(text)), strlen(text));
        (void) close(fd);
}

void driver_wait_gone(Driver *d, const char *path)
{
        uint64_t end = clock_now() + PATIENCE_MSEC * USEC_PER_MSEC;

        while (driver_exists(d, path)) {
                assert_true(clock_now() < end);
                (void) usleep(1000);
        }
}

size_t count_fds(pid_t pid)
{
        char path[64];
        struct dirent *e;
        size_t n = 0;
        DIR *dir;

        (void) snprintf(path, sizeof(path), "/proc/%d/fd", pid);
        dir = opendir(path);
        assert_non_null(dir);
        while ((e = readdir(dir)))
                n += e->d_name[0] != '.';
        (void) closedir(dir);
        return n;
}
