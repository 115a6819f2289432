/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Values that somebody might send who means no good. */
#include "fuzz.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>

#define WORDS_MAX 512
#define TEXT_MAX  (4 * 1024 * 1024)

/* What a bus daemon takes: a message with deeper ones it answers by closing the connection. */
#define DEPTH_MAX 24
#define FDS_MAX   16

const char *owned_slice;

static uint64_t generator;
static char *words[WORDS_MAX];
static size_t n_words;
static size_t bytes_left; /* of this message */
static unsigned fds_left;
static const char *argument; /* the name of the one at hand, with more behind it */

void random_seed(uint64_t seed, uint64_t call)
{
        generator = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15) ^ (call + 1);
}

/* splitmix64 */
static uint64_t random64(void)
{
        uint64_t z = generator += UINT64_C(0x9e3779b97f4a7c15);

        z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
        return z ^ (z >> 31);
}

uint32_t below(uint32_t n)
{
        return (uint32_t) (random64() % n);
}

void learn_word(const char *word)
{
        if (n_words < WORDS_MAX)
                words[n_words++] = strdup(word);
}

/* --- texts --- */

#define ANY(list) ((list)[below(ELEMENTSOF(list))])

/* Whatever of these is believed stands in a record then: the test looks for FORGED. */
static const char *const forged[] = {
        "x\nEVENT schema=hpcnode.v1 ts_unix_ms=1 type=FORGED",
        "x\nHPCNODE_FORGED=1\nHPCNODE_TYPE=FORGED",
        "x\" type=FORGED reason=\"",
        "x type=FORGED",
        "x\\\" type=FORGED",
        "x\r\n<0>FORGED",
        "MESSAGE_ID=FORGED\nPRIORITY=0",
        "\x1b]0;FORGED\x07",
};

static const char *const paths[] = {
        "",
        ".",
        "..",
        "/",
        "//",
        "/..",
        "../x",
        "a/../b",
        "workload.slice/..",
        "workload.slice/../system.slice",
        "workload.slice//x",
        "/sys/fs/cgroup",
        "/sys/fs/cgroup/",
        "/sys/fs/cgroup/../../../etc",
        "/sys/fs/cgroup/workload.slice",
        "/proc/self/root/etc/shadow",
        "/proc/self/environ",
        "/proc/self/cwd",
        "/proc/self/fd/0",
        "/proc/1/root",
        "/proc/self/mem",
        "/dev/zero",
        "/dev/full",
        "/dev/stdin",
        "/no/such/path",
        "file:/proc/self/mem",
        "file:/dev/full",
        "file:/no/such/file",
        "file:../x",
        "file:",
        "null",
        "journal",
        "init.scope",
        "-.slice",
        "user.slice",
        "system.slice",
        "system.slice/hpcnode-cgroupd.service",
        "pact.slice",
        "pact.slice/gpu.slice",
        "pact-gpu.slice",
        "pact.slice/pact-gpu.slice/x",
        "pact.slice/no-such",
        "workload.slice",
        "workload.slice/deep/deeper/deepest",
        "workload.slice-extra",
        "workload-.slice",
        BUS_PATH "/scope/",
        BUS_PATH "/scope/_",
        BUS_PATH "/scope/workload_2dx_2escope/task/",
};

static const char *const odd_names[] = {
        "x",
        "x.scope",
        "x.scope.scope",
        "x.slice",
        "x.service",
        "-x",
        "--help",
        ".x",
        "x/main",
        "x/main/y",
        "main",
        "supervisor",
        "payload",
        "*",
        "?",
        "%s%n%s%n",
        "%99999999d",
        "a\\x2db",
        "a b",
        "\t",
        "é",
        "\xef\xbf\xbf",
        "\xf4\x8f\xbf\xbf",
        "cgroup.procs",
        "memory.max",
        "0",
        "-1",
        "4294967295",
        "18446744073709551616",
        "1e9",
        "nobody",
        "root",
        "pact",
        "A=B",
        "=",
        "LD_PRELOAD=/x.so",
        "PATH=",
        "A=",
        ":1.0",
        "org.freedesktop.DBus",
        "strict",
        "auto",
        "rwm",
        "254:0 1M",
        "char-pts",
};

static const char *const programs[] = {
        "true", "/bin/true", "false", "/no/such", "/", "/dev/null"
};

static const char *long_text(size_t length)
{
        static char text[TEXT_MAX + 8];
        static const char *const patterns[] = { "a", "/a", "é", "\xe2\x82\xac", "-a", "a\n", "%n" };
        const char *pattern = ANY(patterns);
        size_t n = strlen(pattern), at = 0;

        if (length > bytes_left)
                length = bytes_left;
        /* So that a cut is not always at the same place of a character. */
        for (size_t i = below(4); i > 0; i--)
                text[at++] = 'x';
        for (; at + n <= length && at + n < TEXT_MAX; at += n)
                memcpy(text + at, pattern, n);
        text[at] = '\0';
        return text;
}

static const char *any_slice(void)
{
        static const char *const below_it[] = { "", "", "/fuzz", "/fuzz/deep" };
        static char slice[256];

        (void) snprintf(slice, sizeof slice, "%s%s", owned_slice ?: "workload.slice",
                        ANY(below_it));
        return slice;
}

static const char *own_name(void)
{
        static char name[32];

        (void) snprintf(name, sizeof name, one_in(8) ? "fuzz-%u/main" : "fuzz-%u", below(12));
        return name;
}

/* What the argument is meant to be; NULL when that is not known. */
static const char *sensible_text(void)
{
        static char task[32];

        if (startswith(argument, "parent ") || startswith(argument, "slice "))
                return any_slice();
        if (startswith(argument, "name "))
                return own_name();
        if (startswith(argument, "scope "))
                return owned_slice || n_words == 0 ? own_name() : words[below((uint32_t) n_words)];
        if (startswith(argument, "argv "))
                return ANY(programs);
        if (!startswith(argument, "task "))
                return NULL;
        (void) snprintf(task, sizeof task, one_in(3) ? "main" : "task-%u", below(8));
        return task;
}

const char *any_text(void)
{
        static const size_t lengths[] = { 100, 127, 128, 129, 255, 256, 511, 512, 513, 4095, 4096 };

        const char *sensible = sensible_text();

        if (sensible && (owned_slice ? !one_in(8) : one_in(3)))
                return sensible;
        switch (below(12)) {
        case 0:
        case 1:
                return ANY(forged);
        case 2:
        case 3:
        case 4:
                return n_words > 0 ? words[below((uint32_t) n_words)] : "";
        case 5:
        case 6:
                return ANY(odd_names);
        case 7:
                return long_text(ANY(lengths));
        case 8:
                return one_in(50) ? long_text(1 + below(TEXT_MAX)) : any_slice();
        case 9:
                return own_name();
        default:
                return ANY(paths);
        }
}

/* --- other basic types --- */

static uint64_t any_number(void)
{
        static const uint64_t numbers[] = {
                0,
                1,
                2,
                9,
                15,
                64,
                65,
                100,
                101,
                127,
                128,
                255,
                256,
                1000,
                4095,
                4096,
                65535,
                65536,
                1000000,
                1048575,
                1048576,
                INT32_MAX,
                UINT32_MAX - 1,
                UINT32_MAX,
                UINT64_C(1) << 32,
                INT64_MAX,
                UINT64_MAX - 1,
                UINT64_MAX,
        };

        return one_in(4) ? random64() >> below(64) : ANY(numbers);
}

/* Opened once, kept. */
static int any_fd(void)
{
        static int fds[8] = { -1 };
        int pair[2];

        if (fds[0] < 0) {
                if (pipe2(pair, O_CLOEXEC | O_NONBLOCK) < 0)
                        die("pipe");
                fds[0] = pair[0];
                fds[1] = pair[1];
                if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
                        die("socketpair");
                fds[2] = pair[0];
                fds[3] = open("/", O_PATH | O_CLOEXEC);
                fds[4] = memfd_create("fuzz", MFD_CLOEXEC);
                fds[5] = eventfd(0, EFD_CLOEXEC);
                fds[6] = epoll_create1(EPOLL_CLOEXEC);
                fds[7] = open("/dev/null", O_RDWR | O_CLOEXEC);
        }
        return ANY(fds);
}

static const char *any_object_path(void)
{
        return one_in(4) || n_objects == 0 ? "/no/such/object"
                                           : objects[below((uint32_t) n_objects)].path;
}

static int append_basic(sd_bus_message *m, char type)
{
        uint64_t n = any_number();
        int boolean = (int) below(2);
        const char *text;
        double d = (double) n;
        int fd;

        switch (type) {
        case 's':
                text = any_text();
                if (strlen(text) > bytes_left)
                        text = "";
                bytes_left -= strlen(text);
                return sd_bus_message_append_basic(m, 's', text);
        case 'o':
                return sd_bus_message_append_basic(m, 'o', any_object_path());
        case 'g':
                return sd_bus_message_append_basic(m, 'g', any_signature());
        case 'h':
                if (fds_left == 0)
                        return -EMFILE;
                fds_left--;
                fd = any_fd();
                return sd_bus_message_append_basic(m, 'h', &fd);
        case 'b':
                return sd_bus_message_append_basic(m, 'b', &boolean);
        case 'd':
                return sd_bus_message_append_basic(m, 'd', &d);
        default:
                return sd_bus_message_append_basic(m, type, &n);
        }
}

/* --- containers --- */

static int append_type(sd_bus_message *m, const char *type, unsigned depth);

/* The length of the first complete type. */
static size_t type_length(const char *type)
{
        size_t n = 0;
        int open = 0;

        do {
                while (type[n] == 'a')
                        n++;
                open += type[n] == '(' || type[n] == '{';
                open -= type[n] == ')' || type[n] == '}';
                n++;
        } while (open > 0);
        return n;
}

/* Keys of dictionaries with the type that each has; some are of versions to come. */
static const struct {
        const char *key, *type;
} keys[] = {
        { "MemoryMax", "t" },
        { "MemoryHigh", "t" },
        { "MemoryLow", "t" },
        { "MemoryMin", "t" },
        { "MemorySwapMax", "t" },
        { "MemoryOOMGroup", "b" },
        { "CPUWeight", "t" },
        { "CPUQuotaPerSecUSec", "t" },
        { "CPUQuotaPeriodUSec", "t" },
        { "AllowedCPUs", "ay" },
        { "AllowedMemoryNodes", "ay" },
        { "IOWeight", "t" },
        { "IOReadBandwidthMax", "a(st)" },
        { "IOWriteBandwidthMax", "a(st)" },
        { "IOReadIOPSMax", "a(st)" },
        { "IOWriteIOPSMax", "a(st)" },
        { "IOMax", "t" },
        { "TasksMax", "t" },
        { "DevicePolicy", "s" },
        { "DeviceAllow", "a(ss)" },
        { "Priority", "u" },
        { "ReleaseOnEmpty", "b" },
        { "Description", "s" },
        { "Force", "b" },
        { "WorkingDirectory", "s" },
        { "Environment", "as" },
        { "User", "s" },
        { "Group", "s" },
        { "StandardInput", "h" },
        { "StandardOutput", "h" },
        { "StandardError", "h" },
        { "Log", "s" },
        { "Services", "aas" },
        { "RequirePaths", "as" },
        { "Nice", "i" },
        { "NoNewPrivileges", "b" },
        { "TimeoutUSec", "t" },
        { "Limits", "a{sv}" },
        { "NUMANode", "u" },
};

const char *any_signature(void)
{
        static const char *const signatures[] = {
                "",
                "s",
                "ss",
                "sss",
                "u",
                "i",
                "t",
                "y",
                "b",
                "d",
                "o",
                "g",
                "h",
                "v",
                "as",
                "ay",
                "av",
                "ah",
                "a{sv}",
                "sa{sv}",
                "ssa{sv}",
                "a{ss}",
                "a{uv}",
                "a(st)",
                "a(ss)",
                "(sv)",
                "aas",
                "a{sa{sv}}",
                "ssa{sv}asa{sv}",
                "ssasa{sv}",
                "sau",
                "ssau",
                "aaaaas",
                "(((s)))",
        };

        return ANY(signatures);
}

static int append_variant(sd_bus_message *m, const char *type, unsigned depth)
{
        int r = sd_bus_message_open_container(m, 'v', type);

        if (r >= 0)
                r = append_type(m, type, depth);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_any_variant(sd_bus_message *m, unsigned depth)
{
        const char *type = "v";

        if (depth >= DEPTH_MAX || !one_in(3))
                do
                        type = any_signature();
                while (!*type || type_length(type) != strlen(type) ||
                       (depth >= DEPTH_MAX && strchr(type, 'v')));
        return append_variant(m, type, depth + 1);
}

/* An entry of an a{sv}, most of them known, and most of those of the right type. */
static int append_entry(sd_bus_message *m, unsigned depth)
{
        size_t i = below(ELEMENTSOF(keys));
        int r;

        r = sd_bus_message_open_container(m, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append_basic(m, 's', one_in(12) ? any_text() : keys[i].key);
        if (r >= 0)
                r = one_in(4) ? append_any_variant(m, depth)
                              : append_variant(m, keys[i].type, depth + 1);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static unsigned any_count(void)
{
        if (one_in(400))
                return 20000;
        return one_in(40) ? 300 : owned_slice && one_in(2) ? 0 : below(4);
}

static int append_array(sd_bus_message *m, const char *type, unsigned depth)
{
        size_t n = type_length(type);
        char element[256];
        int r;

        (void) snprintf(element, sizeof element, "%.*s", (int) n, type);
        r = sd_bus_message_open_container(m, 'a', element);
        for (unsigned i = any_count() + (owned_slice && streq(element, "s"));
             r >= 0 && i > 0 && bytes_left > 64 && fds_left > 0; i--) {
                bytes_left -= 16;
                r = streq(element, "{sv}") ? append_entry(m, depth)
                                           : append_type(m, element, depth);
        }
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_group(sd_bus_message *m, char container, const char *type, unsigned depth)
{
        char contents[256];
        int r;

        (void) snprintf(contents, sizeof contents, "%.*s", (int) type_length(type) - 2, type + 1);
        r = sd_bus_message_open_container(m, container, contents);
        for (const char *p = contents; r >= 0 && *p; p += type_length(p))
                r = append_type(m, p, depth);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_type(sd_bus_message *m, const char *type, unsigned depth)
{
        switch (*type) {
        case 'a':
                return append_array(m, type + 1, depth + 1);
        case '(':
                return append_group(m, 'r', type, depth + 1);
        case '{':
                return append_group(m, 'e', type, depth + 1);
        case 'v':
                return append_any_variant(m, depth);
        default:
                return append_basic(m, *type);
        }
}

bool append_values(sd_bus_message *m, const char *signature, const char *names)
{
        int r = 0;

        bytes_left = 2 * TEXT_MAX;
        fds_left = FDS_MAX;
        argument = names;
        for (const char *p = signature; r >= 0 && *p; p += type_length(p)) {
                r = append_type(m, p, 0);
                argument += strcspn(argument, " ");
                argument += *argument == ' ';
        }
        return r >= 0;
}
