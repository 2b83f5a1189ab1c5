/* What programs may ask of the supervisor, through unix: how services and faults are, hold, release, restart.
 */
#ifndef PLACEMENT_MICRO_ROOT_CONTROL_H
#define PLACEMENT_MICRO_ROOT_CONTROL_H

#include "placement/micro/root/process.h"

/* Answers unix's SUPERVISOR_SERVICE, _CONTROL and _FAULT, whose words lie in the IPC buffer; so do the words
 * of the answer when this returns. Any other label: ERR_ARGUMENT. */
seL4_MessageInfo_t control_request(u64 label);

/* Called at every heartbeat: a hold whose time is over ends. */
void control_look(void);

/* Every hold ends, for this reason. */
void control_release_all(const char *why);

#endif
