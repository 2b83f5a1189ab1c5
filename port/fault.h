/*
 * Port: named faults. The catalogue is port/fault.def; a fault is armed at run time (boot argument, program,
 * host).
 *
 * A fault fires once per arming, at the n-th time its place is reached (`@n`, 1 if not given), or from the
 * n-th time on, always (`@n+`). The counters are kept across restarts of the service.
 */
#ifndef PORT_FAULT_H
#define PORT_FAULT_H

#include "lib/err.h"
#include "lib/types.h"

enum port_service {
    SERVICE_XMAP,
    SERVICE_UNIX,
    SERVICE_FS,
    SERVICE_BLOCK,
    SERVICE_CONSOLE,
    SERVICE_COUNT,
};

enum port_fault {
#define FAULT(service, id, name, class, trigger, mono, micro) FAULT_##service##_##id,
#include "port/fault.def"
#undef FAULT
    FAULT_COUNT
};

/* True if the armed fault is to happen now: called at the very place where the missing check or the wrong
 * deed is. Costs one load and a branch while nothing is armed. Does not wait. */
bool port_fault_fires(enum port_fault fault);

/* A word that is 0 until any fault is armed here for the first time. It stays at one address as long as the
 * service runs: who keeps that address asks in one load, and need not ask for each fault. */
const u64 *port_fault_armed(void);

/*
 * Arms `fault` to fire at the n-th arrival from now (n >= 1), `always` from then on; n = 0 disarms it.
 * ERR_ARGUMENT for a fault outside the catalogue. Does not wait.
 */
enum err port_fault_arm(enum port_fault fault, u64 n, bool always);

/*
 * How `fault` is armed: `left` arrivals until it fires (0: it is not), `always` from then on; and how often
 * it has fired. ERR_ARGUMENT for a fault outside the catalogue. Does not wait. Needed by unix.
 */
enum err port_fault_query(enum port_fault fault, u64 *left, bool *always, u64 *fired);

/* The fault called `name` ("double-map") of the service called `service` ("xmap"). ERR_NOT_FOUND. */
enum err port_fault_find(const char *service, const char *name, enum port_fault *fault);

#endif
