/*
 * The start of the monolithic system: services from the bottom up, each a plain function call from here on.
 *
 * A service that cannot start is fatal here, except that a machine without a disk says so and stops.
 */
#include "kernel/mono/mono.h"
#include "lib/words.h"
#include "placement/common/fault.h"
#include "placement/mono/mono_ports.h"
#include "port/block.h"
#include "port/console.h"
#include "port/fs.h"
#include "port/log.h"
#include "port/system.h"
#include "port/unix.h"
#include "port/xmap.h"

#define BOOT_FAILED 11 /* the code of a failed test: nothing is broken but the disk, or it is absent */

static struct fault_counter counters[FAULT_COUNT];

struct fault_counter *placement_fault_counters(void)
{
    return counters;
}

u64 *placement_fault_armed(void)
{
    static u64 armed;

    return &armed;
}

static void arm_faults(void)
{
    char text[2 * FAULT_TEXT_MAX];

    for (u32 i = 0; words_nth(mono_boot_arguments(), "fault", i, text, sizeof(text)); i++) {
        if (!placement_fault_arm_text(text))
            port_log("mono: no such fault: %s\n", text);
    }
}

void placement_start(void *unused)
{
    static const struct {
        const char *name;
        enum err (*start)(void);
    } services[] = {
        {"xmap", xmap_start}, {"console", cons_start}, {"block", blk_start},
        {"fs", fs_start},     {"unix", unix_start},
    };

    (void)unused;
    mono_memory_init();
    arm_faults();
    for (u32 i = 0; i < ARRAY_SIZE(services); i++) {
        enum err err = services[i].start();

        if (err != ERR_OK) {
            port_log("mono: %s does not start: %s\n", services[i].name, err_text(err));
            port_power_off(BOOT_FAILED);
        }
    }
    mono_thread_exit();
}
