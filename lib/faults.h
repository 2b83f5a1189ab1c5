/*
 * The counters behind port_fault_fires(), as pure code: a placement supplies the memory (kept) and one lock
 * or none.
 *
 * Arrivals are counted with atomic operations, so that threads of one service may meet at a fault.
 */
#ifndef LIB_FAULTS_H
#define LIB_FAULTS_H

#include "lib/types.h"

struct fault_counter {
    u64 left;   /* arrivals until it fires; 0: not armed */
    u64 always; /* fires at every arrival after that, too */
    u64 fired;  /* how often it has fired, ever */
};

/* n = 0 disarms. */
void fault_counter_arm(struct fault_counter *counter, u64 n, bool always);
bool fault_counter_fires(struct fault_counter *counter);

/*
 * Splits "SERVICE:NAME[@n[+]]". Returns false and leaves the rest untouched if it does not have that form.
 * The two names are cut out into buffers of FAULT_TEXT_MAX.
 */
#define FAULT_TEXT_MAX 24
bool fault_text_parse(const char *text, char *service, char *name, u64 *n, bool *always);

#endif
