/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of journal.h, against a socket of our own that reads when it is told to. */
#include "daemon/journal.h"

#include "scratch.h"
#include "test.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

/* More than any kernel keeps for a socket that is not read. */
#define MANY 5000

typedef struct Fixture {
        Scratch scratch;
        sd_event *event;
        Journal *journal;
        int journald; /* the other side */
} Fixture;

/* Binds the socket that journald would have. */
static void journald_start(Fixture *f)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        assert_true((size_t) snprintf(address.sun_path, sizeof address.sun_path, "%s/socket",
                                      f->scratch.path) < sizeof address.sun_path);
        (void) unlink(address.sun_path);
        f->journald = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        assert_true(f->journald >= 0);
        assert_int_equal(bind(f->journald, (struct sockaddr *) &address, sizeof address), 0);
}

static void journald_stop(Fixture *f)
{
        f->journald = safe_close(f->journald);
        scratch_remove(&f->scratch, "socket");
}

static void daemon_start(Fixture *f)
{
        assert_int_equal(journal_new(f->event, f->scratch.path, f->scratch.fd, &f->journal), 0);
        journal_load(f->journal);
}

static void daemon_stop(Fixture *f)
{
        f->journal = journal_free(f->journal);
}

static int setup(void **state)
{
        Fixture *f = calloc(1, sizeof *f);

        assert_non_null(f);
        f->scratch = scratch_new("journal");
        assert_int_equal(sd_event_new(&f->event), 0);
        journald_start(f);
        daemon_start(f);
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        Fixture *f = *state;

        daemon_stop(f);
        sd_event_unref(f->event);
        safe_close(f->journald);
        scratch_done(&f->scratch);
        free(f);
        return 0;
}

static int send_number(Fixture *f, unsigned n)
{
        char text[32];

        (void) snprintf(text, sizeof text, "RECORD=%u\n", n);
        return journal_send(f->journal, text, strlen(text));
}

/* Reads all that is there. Returns how many; they begin with `first` and come in their order. */
static unsigned receive_from(Fixture *f, unsigned first)
{
        unsigned n = 0;
        char text[64], expected[64];
        ssize_t length;

        while ((length = recv(f->journald, text, sizeof text - 1, 0)) >= 0) {
                text[length] = '\0';
                (void) snprintf(expected, sizeof expected, "RECORD=%u\n", first + n);
                assert_string_equal(text, expected);
                n++;
        }
        assert_int_equal(errno, EAGAIN);
        return n;
}

/* Lets the loop do what it is told of, until it has nothing to do. */
static void run_loop(Fixture *f)
{
        while (sd_event_run(f->event, 0) > 0)
                ;
}

/* Reads, and lets the loop send more, until nothing comes any more. */
static unsigned receive_all(Fixture *f, unsigned first)
{
        unsigned n = 0, more;

        do {
                more = receive_from(f, first + n);
                n += more;
                run_loop(f);
        } while (more > 0);
        return n;
}

static bool queue_file_exists(const Fixture *f)
{
        return faccessat(f->scratch.fd, "journal-queue", F_OK, 0) >= 0;
}

/* Sends until the socket takes no more; the last one is queued. Returns how many that are. */
static unsigned fill_socket(Fixture *f)
{
        unsigned n = 0;

        for (; n < MANY && !queue_file_exists(f); n++)
                assert_int_equal(send_number(f, n), 0);
        assert_true(n < MANY);
        return n;
}

/* The same, and as many again. */
static unsigned fill(Fixture *f)
{
        unsigned n = fill_socket(f), queued_at = n;

        for (; n < 2 * queued_at; n++)
                assert_int_equal(send_number(f, n), 0);
        return n;
}

/* Fills the disk, as far as the queue is concerned: room is left for so many bytes. UINT64_MAX: empties it. */
static void limit_disk(Fixture *f, uint64_t room)
{
        struct rlimit l;
        struct stat st;

        assert_int_equal(getrlimit(RLIMIT_FSIZE, &l), 0);
        l.rlim_cur = l.rlim_max;
        if (room != UINT64_MAX) {
                assert_int_equal(fstatat(f->scratch.fd, "journal-queue", &st, 0), 0);
                l.rlim_cur = (rlim_t) st.st_size + room;
        }
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &l), 0);
}

static void a_datagram_is_sent_at_once(void **state)
{
        Fixture *f = *state;

        assert_int_equal(send_number(f, 0), 0);
        assert_int_equal(receive_from(f, 0), 1);
        assert_false(queue_file_exists(f));
        assert_int_equal(journal_dropped(f->journal), 0);
}

static void what_is_not_taken_is_sent_in_its_order_when_it_is(void **state)
{
        Fixture *f = *state;
        unsigned n = fill(f);

        assert_int_equal(receive_all(f, 0), n);
        assert_false(queue_file_exists(f));
        assert_int_equal(journal_dropped(f->journal), 0);

        assert_int_equal(send_number(f, 7), 0);
        assert_int_equal(receive_from(f, 7), 1);
}

static void nothing_wakes_the_loop_while_nothing_can_be_sent(void **state)
{
        Fixture *f = *state;

        assert_int_equal(sd_event_run(f->event, 0), 0);
        (void) fill(f);
        assert_int_equal(sd_event_run(f->event, 0), 0);
}

static void the_next_daemon_sends_what_is_left(void **state)
{
        Fixture *f = *state;
        unsigned n = fill(f), first;

        /* Some of the queue is sent, and is not sent again. */
        first = receive_from(f, 0);
        run_loop(f);
        daemon_stop(f);
        assert_true(queue_file_exists(f));
        daemon_start(f);
        assert_int_equal(send_number(f, n), 0);
        /* And the one after that what either has left. */
        daemon_stop(f);
        daemon_start(f);
        assert_int_equal(receive_all(f, first), n + 1 - first);
        assert_false(queue_file_exists(f));
}

/* Sends two of the queue: the socket has room for as many as are read. */
static void send_two(Fixture *f)
{
        char text[64];

        for (int i = 0; i < 2; i++)
                assert_true(recv(f->journald, text, sizeof text, 0) > 0);
        run_loop(f);
}

static void what_is_not_on_disk_does_not_spoil_what_is(void **state)
{
        Fixture *f = *state;
        unsigned n = fill_socket(f);

        limit_disk(f, 0);
        assert_int_equal(send_number(f, n), 0);
        limit_disk(f, UINT64_MAX);
        assert_int_equal(send_number(f, n + 1), 0);
        assert_int_equal(send_number(f, n + 2), 0);
        /* The one before it, and the one that is not on disk. */
        send_two(f);
        daemon_stop(f);
        assert_int_equal(receive_from(f, 2), n - 1);
        daemon_start(f);
        assert_int_equal(receive_all(f, n + 1), 2);
        assert_false(queue_file_exists(f));
        assert_int_equal(journal_dropped(f->journal), 0);
}

static void what_is_lost_with_the_daemon_counts_as_dropped(void **state)
{
        Fixture *f = *state;
        unsigned n = fill_socket(f);

        limit_disk(f, 0);
        for (int i = 0; i < 3; i++)
                assert_int_equal(send_number(f, n), 0);
        limit_disk(f, UINT64_MAX);
        assert_int_equal(journal_dropped(f->journal), 0);
        daemon_stop(f);
        daemon_start(f);
        assert_int_equal(receive_all(f, 0), n);
        assert_int_equal(journal_dropped(f->journal), 3);
}

/* The half of it that is there would be taken for more of them. */
static void what_was_written_by_half_is_not_read(void **state)
{
        Fixture *f = *state;
        unsigned n = fill_socket(f);
        char text[64];

        for (size_t i = 0; i < sizeof text; i += sizeof(uint32_t))
                memcpy(text + i, &(uint32_t){ 1 }, sizeof(uint32_t));
        limit_disk(f, sizeof text);
        assert_int_equal(journal_send(f->journal, text, sizeof text), 0);
        limit_disk(f, UINT64_MAX);
        assert_int_equal(journal_send(f->journal, "RECORD=next\n", 12), 0);
        daemon_stop(f);
        daemon_start(f);
        assert_int_equal(receive_from(f, 0), n - 1);
        run_loop(f);
        assert_int_equal(recv(f->journald, text, sizeof text, 0) > 0, 1);
        assert_int_equal(recv(f->journald, text, sizeof text, 0), 12);
        assert_memory_equal(text, "RECORD=next\n", 12);
        assert_int_equal(recv(f->journald, text, sizeof text, 0), -1);
}

static void a_daemon_that_does_not_serve_leaves_the_queue_to_the_one_that_does(void **state)
{
        Fixture *f = *state;
        unsigned n = fill(f), first = receive_from(f, 0);
        Journal *other;

        assert_int_equal(journal_new(f->event, f->scratch.path, f->scratch.fd, &other), 0);
        assert_int_equal(receive_from(f, 0), 0);
        journal_free(other);
        assert_true(queue_file_exists(f));
        run_loop(f);
        assert_int_equal(receive_all(f, first), n - first);
}

static void what_is_sent_before_the_queue_is_loaded_comes_after_it(void **state)
{
        Fixture *f = *state;
        unsigned n = fill(f), first;

        daemon_stop(f);
        assert_int_equal(journal_new(f->event, f->scratch.path, f->scratch.fd, &f->journal), 0);
        assert_int_equal(send_number(f, n), 0);
        journal_load(f->journal);
        first = receive_from(f, 0);
        run_loop(f);
        /* And is on disk then. */
        daemon_stop(f);
        daemon_start(f);
        assert_int_equal(receive_all(f, first), n + 1 - first);
        assert_int_equal(journal_dropped(f->journal), 0);
}

static void a_queue_that_is_rubbish_is_passed_over(void **state)
{
        Fixture *f = *state;
        static const char *const rubbish[] = { "", "x", "\377\377\377\377\377\377\377\377\377",
                                               "rubbish, and more of it" };

        for (size_t i = 0; i < ELEMENTSOF(rubbish); i++) {
                daemon_stop(f);
                scratch_write(&f->scratch, "journal-queue", rubbish[i]);
                daemon_start(f);
                assert_false(queue_file_exists(f));
                assert_int_equal(receive_from(f, 0), 0);
                assert_int_equal(send_number(f, 0), 0);
                assert_int_equal(receive_from(f, 0), 1);
        }
}

static void a_socket_made_anew_is_connected_again(void **state)
{
        Fixture *f = *state;

        assert_int_equal(send_number(f, 0), 0);
        assert_int_equal(receive_from(f, 0), 1);
        journald_stop(f);
        journald_start(f);
        assert_int_equal(send_number(f, 1), 0);
        assert_int_equal(receive_from(f, 1), 1);
}

static void a_socket_that_is_not_there_is_waited_for(void **state)
{
        Fixture *f = *state;

        journald_stop(f);
        assert_int_equal(send_number(f, 0), 0);
        assert_int_equal(send_number(f, 1), 0);
        run_loop(f);
        journald_start(f);
        run_loop(f);
        assert_int_equal(receive_from(f, 0), 2);
        assert_false(queue_file_exists(f));
        assert_int_equal(sd_event_run(f->event, 0), 0);
}

static void a_socket_that_goes_while_it_is_full_is_no_loss_of_what_is_queued(void **state)
{
        Fixture *f = *state;
        unsigned n = fill(f);

        /* What was in the old one's own queue is gone with it. */
        journald_stop(f);
        run_loop(f);
        assert_true(queue_file_exists(f));
        journald_start(f);
        run_loop(f);
        assert_int_equal(receive_all(f, n / 2 - 1), n / 2 + 1);
}

static void what_does_not_fit_in_the_queue_is_counted(void **state)
{
        Fixture *f = *state;
        _cleanup_(freep) char *large = malloc(64 * 1024);
        unsigned n = fill(f), kept = 0;
        uint64_t dropped;

        assert_non_null(large);
        memset(large, 'x', 64 * 1024);
        while (journal_send(f->journal, large, 64 * 1024) >= 0) {
                kept++;
                assert_true(kept <= JOURNAL_QUEUE_MAX / (64 * 1024));
        }
        assert_true(kept > 0);
        assert_int_equal(journal_dropped(f->journal), 1);
        assert_true(journal_send(f->journal, large, 64 * 1024) < 0);
        dropped = journal_dropped(f->journal);
        assert_int_equal(dropped, 2);

        assert_int_equal(receive_from(f, 0) > 0, 1);
        (void) n;
        journal_dropped_said(f->journal, dropped);
        assert_int_equal(journal_dropped(f->journal), 0);
}

static void what_was_dropped_is_said_by_the_next_daemon_too(void **state)
{
        Fixture *f = *state;
        _cleanup_(freep) char *large = calloc(1, 64 * 1024);
        unsigned n = fill(f);

        assert_non_null(large);
        while (journal_send(f->journal, large, 64 * 1024) >= 0)
                ;
        daemon_stop(f);
        daemon_start(f);
        assert_int_equal(journal_dropped(f->journal), 1);
        /* Also when the queue has gone meanwhile. */
        assert_int_equal(receive_from(f, 0), n / 2 - 1);
        do
                run_loop(f);
        while (recv(f->journald, large, 64 * 1024, 0) > 0);
        daemon_stop(f);
        daemon_start(f);
        assert_int_equal(journal_dropped(f->journal), 1);
        journal_dropped_said(f->journal, 1);
        assert_false(queue_file_exists(f));
        daemon_stop(f);
        daemon_start(f);
        assert_int_equal(journal_dropped(f->journal), 0);
}

static void a_datagram_that_cannot_be_sent_at_all_is_counted_and_holds_up_nothing(void **state)
{
        Fixture *f = *state;
        size_t size = 64 * 1024 * 1024;
        _cleanup_(freep) char *huge = calloc(1, size);

        assert_non_null(huge);
        assert_true(journal_send(f->journal, huge, size) < 0);
        assert_int_equal(journal_dropped(f->journal), 1);
        assert_int_equal(send_number(f, 0), 0);
        assert_int_equal(receive_from(f, 0), 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(a_datagram_is_sent_at_once),
                TEST(what_is_not_taken_is_sent_in_its_order_when_it_is),
                TEST(nothing_wakes_the_loop_while_nothing_can_be_sent),
                TEST(the_next_daemon_sends_what_is_left),
                TEST(what_is_not_on_disk_does_not_spoil_what_is),
                TEST(what_is_lost_with_the_daemon_counts_as_dropped),
                TEST(what_was_written_by_half_is_not_read),
                TEST(a_daemon_that_does_not_serve_leaves_the_queue_to_the_one_that_does),
                TEST(what_is_sent_before_the_queue_is_loaded_comes_after_it),
                TEST(a_queue_that_is_rubbish_is_passed_over),
                TEST(a_socket_made_anew_is_connected_again),
                TEST(a_socket_that_is_not_there_is_waited_for),
                TEST(a_socket_that_goes_while_it_is_full_is_no_loss_of_what_is_queued),
                TEST(what_does_not_fit_in_the_queue_is_counted),
                TEST(what_was_dropped_is_said_by_the_next_daemon_too),
                TEST(a_datagram_that_cannot_be_sent_at_all_is_counted_and_holds_up_nothing),
        };

        /* What does not fit in limit_disk() is an error, and not the end. */
        (void) signal(SIGXFSZ, SIG_IGN);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
