/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The records that an earlier daemon could not send, as they lie on disk. */
#include "fuzz.h"

#include "daemon/journal.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        int dir = fuzz_directory();
        Journal *j;

        fuzz_write(dir, QUEUE_FILE, data, size);
        fuzz_log_begin();
        /* Where no journald is: they are read, and stay. */
        check(journal_new(NULL, "/nonexistent", dir, &j) == 0);
        journal_load(j);
        fuzz_log_end();
        check(j->n_bytes <= size);
        check(j->file_fd < 0 || (j->file_begin >= sizeof(QueueHeader) && j->file_end <= size));
        journal_free(j);
        (void) unlinkat(dir, QUEUE_FILE, 0);
        return 0;
}
