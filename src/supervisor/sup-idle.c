/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Waiting without weight: an idle supervisor gives back the mapped pages of its program.
 *
 * They stay in the page cache, once for all supervisors of the node; mapped again, 64 KiB at a fault,
 * they would make up nine tenths of what each one of them accounts for. So the code that waits has
 * pages of its own, in mappings of one page each, which the kernel does not map more around. */

#include "supervisor.h"

#include <elf.h>
#include <link.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#define PAGE_ALIGNED __attribute__((noinline, section(".text.idle"), aligned(4096)))

static uintptr_t program_start, program_size; /* what is mapped from the file and never written */

static uintptr_t page_down(uintptr_t address)
{
        uintptr_t size = getauxval(AT_PAGESZ);

        return address / size * size;
}

static void set_apart(uintptr_t function)
{
        (void) madvise((void *) page_down(function), getauxval(AT_PAGESZ), MADV_RANDOM);
}

void idle_init(void)
{
        const ElfW(Phdr) *headers = (const ElfW(Phdr) *) getauxval(AT_PHDR);
        size_t n = getauxval(AT_PHNUM);
        uintptr_t page = getauxval(AT_PAGESZ), base = 0;

        for (size_t i = 0; i < n; i++)
                if (headers[i].p_type == PT_PHDR)
                        base = (uintptr_t) headers - headers[i].p_vaddr;
        for (size_t i = 0; i < n; i++) {
                const ElfW(Phdr) *h = headers + i;
                uintptr_t start = page_down(base + h->p_vaddr);

                if (h->p_type != PT_LOAD)
                        continue;
                if (h->p_flags & PF_W)
                        break;
                if (program_size == 0)
                        program_start = start;
                program_size = page_down(base + h->p_vaddr + h->p_memsz + page - 1) - program_start;
        }
        set_apart((uintptr_t) idle_wait);
        set_apart((uintptr_t) syscall);
}

/* Between the two calls nothing but this function and syscall() may run. */
PAGE_ALIGNED int idle_wait(int epoll_fd, struct epoll_event *ret)
{
        (void) syscall(SYS_madvise, program_start, program_size, MADV_DONTNEED);
        return (int) syscall(SYS_epoll_pwait, epoll_fd, ret, 1, -1, NULL, 0);
}
