/* Hangs: found by looking at the servers' records at a steady pace. */
#ifndef PLACEMENT_MICRO_ROOT_WATCH_H
#define PLACEMENT_MICRO_ROOT_WATCH_H

/* Once, before the first server starts. */
void watch_prepare(void);

/* One look; called at each alarm that comes when it is due, HEARTBEAT_NS after the last at least: one that is late
 * proves nothing (alarm.c). May end a server and start its next generation. */
void watch_all(void);

/* The patience of those who wait for an answer begins anew: after a restart, and when a held server goes on. */
void watch_forget_calls(void);

#endif
