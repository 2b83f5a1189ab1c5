/*
 * Below all servers and above all programs there is a pulse more, the floor. While it turns, nobody is
 * starved: between two calls of a program it gets its time. Once it has had none for a second of looks, each
 * of which came on time, each server's own pulse is asked: all those at or above the busy priority turn, none
 * below does. So the lowest whose pulse turns is it; no two servers have one priority. What makes progress is
 * long work, and no loop.
 */
#include "placement/micro/root/starved.h"
#include "placement/micro/root/pulse.h"

#define FLOOR         SERVERS_COUNT /* its number among the pulses */
#define STARVED_LOOKS 200           /* without a turn of it, until the search */
#define SEARCH_LOOKS  20            /* after which each pulse that can turn has */

static u64 floor_turn;                                   /* how many rounds of the floor must be over */
static u32 looks;                                        /* without it */
static u64 turn[SERVERS_COUNT], progress[SERVERS_COUNT]; /* when the search began */

void starved_prepare(void)
{
    u64 priority = ~0ul;

    for (u32 s = 0; s < SERVERS_COUNT; s++) {
        if (servers[s].description)
            priority = min_u64(priority, servers[s].description->priority);
    }
    pulse_prepare(FLOOR, priority - 1);
    floor_turn = pulse_ask(FLOOR);
}

/* The alarm takes care of the timer (alarm.c). */
static bool has_pulse(u32 s)
{
    return s != SERVER_TIMER && servers[s].record;
}

static void search_begin(void)
{
    for (u32 s = 0; s < SERVERS_COUNT; s++) {
        if (!has_pulse(s))
            continue;
        turn[s] = pulse_ask(s);
        progress[s] = servers[s].record->progress;
    }
}

static struct server *lowest_that_turns(void)
{
    struct server *lowest = NULL;

    for (u32 s = 0; s < SERVERS_COUNT; s++) {
        if (!has_pulse(s) || pulse_rounds(s) < turn[s])
            continue;
        if (!lowest || servers[s].description->priority < lowest->description->priority)
            lowest = &servers[s];
    }
    return lowest;
}

struct server *starved_look(void)
{
    struct server *server;

    if (pulse_rounds(FLOOR) >= floor_turn) {
        floor_turn = pulse_ask(FLOOR);
        looks = 0;
        return NULL;
    }
    looks++;
    if (looks == STARVED_LOOKS)
        search_begin();
    if (looks < STARVED_LOOKS + SEARCH_LOOKS)
        return NULL;
    looks = 0;
    server = lowest_that_turns();
    if (!server || server->state != SERVER_RUNNING ||
        server->record->progress != progress[server->description->service])
        return NULL;
    return server;
}
