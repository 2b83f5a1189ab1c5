/* Between the files of this placement. */
#ifndef PLACEMENT_MONO_PORTS_H
#define PLACEMENT_MONO_PORTS_H

/* Makes arena and transfer pages; at boot. */
void mono_memory_init(void);

#endif
