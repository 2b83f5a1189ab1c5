/* Finding bits in a word. (The compiler's own functions for it are calls into its library, which is not
 * linked.) */
#ifndef KERNEL_MICRO_BITS_H
#define KERNEL_MICRO_BITS_H

#include "lib/types.h"

/* Number of the highest bit set; word is not 0. */
static inline u32 bit_highest(u64 word)
{
    u32 bit = 0;

    for (u32 step = 32; step; step /= 2) {
        if (word >> step) {
            word >>= step;
            bit += step;
        }
    }
    return bit;
}

/* Number of the lowest bit set; word is not 0. */
static inline u32 bit_lowest(u64 word)
{
    return bit_highest(word & -word);
}

#endif
