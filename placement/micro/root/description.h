/*
 * One table of the image's description (system/micro.def). Whoever wants one defines the macros it is made of and
 * includes this inside it: the other macros are nothing, and all of them are undefined afterwards. So there is no
 * include guard: each time makes another table.
 */
#ifndef SERVER
#define SERVER(...)
#endif
#ifndef CLIENT
#define CLIENT(...)
#endif
#ifndef DEVICE
#define DEVICE(...)
#endif
#ifndef DMA
#define DMA(...)
#endif
#ifndef ARENA
#define ARENA(...)
#endif
#ifndef TRANSFERS
#define TRANSFERS(...)
#endif

#include "system/micro.def"

#undef SERVER
#undef CLIENT
#undef DEVICE
#undef DMA
#undef ARENA
#undef TRANSFERS
