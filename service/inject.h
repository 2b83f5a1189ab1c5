/* The faults every service has, at the start of each of its operations. Not reached while nothing is armed.
 */
#ifndef SERVICE_INJECT_H
#define SERVICE_INJECT_H

#include "port/fault.h"

/* May not return, by design: see port/fault.def. `service` says whose four faults are asked. */
void inject_point(enum port_service service);

#endif
