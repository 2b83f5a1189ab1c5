/*
 * A model of xmap simple enough to be right by inspection, and a player that runs both from a string of
 * bytes.
 *
 * Used by the random test (test_xmap.c) and the fuzzer (fuzz_xmap.c).
 */
#ifndef SERVICE_XMAP_TEST_MODEL_H
#define SERVICE_XMAP_TEST_MODEL_H

#include "lib/types.h"

struct model_options {
    u32 frames;    /* size of the pool: small to meet exhaustion */
    bool deaths;   /* kill and restart the service in the middle of operations */
    bool failures; /* let allocations fail */
};

/* Starts a fresh xmap, plays operations until the bytes are used up, compares and checks after each, destroys
 * everything and counts the frames. Ends the process by abort() with a line on standard error at the first
 * difference. */
void model_play(const struct model_options *options, const u8 *bytes, u64 length);

/* How many operations, deaths and refused allocations all plays have seen: a test asserts that they were met.
 */
extern u64 model_operations, model_deaths, model_refusals;

#endif
