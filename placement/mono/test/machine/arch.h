/* The hart, as far as kernel/mono/mono.h shows it, for tests on the host. */
#ifndef MACHINE_ARCH_H
#define MACHINE_ARCH_H

#include "lib/types.h"

void *test_current(void); /* the test's */

static inline void *arch_current(void)
{
    return test_current();
}

#endif
