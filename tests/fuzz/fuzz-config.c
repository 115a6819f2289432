/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cgroupd.conf: whatever stands in it, all values are in their range and what is logged names a line. */
#include "fuzz.h"

#include "daemon/config-table.c"
#include "daemon/config.c"

#include <sys/mman.h>

static void check_value(const struct ConfigItem *item, uint64_t value)
{
        if (item->type == CONFIG_WORD)
                check(value <= 1 && item->words[value]);
        else if (item->type != CONFIG_SHARE || value != PRESSURE_OFF)
                check(value >= item->min && value <= item->max);
}

static void check_list(ConfigType type, const ConfigList *list)
{
        for (size_t i = 0; i < list->n; i++) {
                check(*list->items[i] && !strpbrk(list->items[i], " \t\n/,"));
                check(type != CONFIG_UNITS || path_owner(list->items[i]) == OWNER_NONE ||
                      endswith(list->items[i], ".scope"));
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static int fd = -EBADF;
        Load l = {};
        char path[32];

        if (fd < 0)
                fd = memfd_create("config", MFD_CLOEXEC);
        check(ftruncate(fd, 0) >= 0 && pwrite(fd, data, size, 0) == (ssize_t) size);
        (void) snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        check(config_defaults(&l.config) == 0);
        fuzz_log_begin();
        read_config_file(&l, path);
        fuzz_log_end();
        check(l.r <= 0);
        fuzz_check_refusal(l.r, l.why);
        for (size_t i = 0; i < ELEMENTSOF(config_items); i++) {
                const struct ConfigItem *item = &config_items[i];

                if (item->list)
                        check_list(item->type, config_list(&l.config, item));
                else
                        for (size_t k = 0; k < item->n; k++)
                                check_value(item, config_member(&l.config, item)[k]);
        }
        config_done(&l.config);
        free(l.why);
        return 0;
}
