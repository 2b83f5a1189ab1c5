/*
 * See lock_order.h. `after[a]` is a set of classes: all that have been taken while `a` was held, and what has
 * been taken while those were held, and so on. A new pair (a, b) is refused if `a` is in after[b]; otherwise
 * after[b] and b join the sets of a and of all that a comes after.
 *
 * Locking: the wait lock guards classes and sets; a thread's own list is its own.
 */
#include "placement/mono/lock_order.h"
#include "kernel/mono/mono.h"
#include "lib/format.h"
#include "lib/string.h"
#include "port/log.h"

#define CLASSES  32u
#define HELD_MAX 8u

/* docs/locking.md, "Between services", and the order within unix (service/unix/process.h). */
static const struct {
    const char *first, *then;
} known[] = {
    {"file", "processes"}, {"pipe", "processes"}, {"spaces", "processes"}, {"file", "fs"},  {"file", "xmap"},
    {"pipe", "xmap"},      {"spaces", "xmap"},    {"xmap", "fs"},          {"fs", "block"},
};

static const char *names[CLASSES];
static u32 after[CLASSES];
static u32 class_count;
static bool begun;

static struct {
    u32 classes[HELD_MAX];
    u32 count;
} held[MONO_THREADS];

static u32 class_of(const char *name)
{
    u32 class = 0;

    while (class < class_count && strcmp(names[class], name) != 0)
        class ++;
    if (class == class_count) {
        port_assert(class_count < CLASSES, "lock order: too many names of locks");
        names[class_count++] = name;
    }
    return class;
}

static void learn(u32 first, u32 then)
{
    u32 more = after[then] | 1u << then;

    for (u32 class = 0; class < class_count; class ++) {
        if (class == first || (after[class] >> first & 1))
            after[class] |= more;
    }
}

static void begin(void)
{
    begun = true;
    for (u32 i = 0; i < ARRAY_SIZE(known); i++)
        learn(class_of(known[i].first), class_of(known[i].then));
}

static _Noreturn void refuse(u32 first, u32 then)
{
    char text[96];

    format_string(text, sizeof(text), "lock order: \"%s\" taken under \"%s\"", names[then], names[first]);
    port_fatal(text);
}

void lock_order_take(const char *name)
{
    u32 self = mono_thread_index();
    bool interrupts = mono_schedule_lock();
    u32 class, against = CLASSES;

    if (!begun)
        begin();
    class = class_of(name);
    for (u32 i = 0; i < held[self].count; i++) {
        u32 first = held[self].classes[i];

        if (first != class && (after[class] >> first & 1))
            against = first;
        else if (first != class && !(after[first] >> class & 1))
            learn(first, class);
    }
    mono_schedule_unlock(interrupts);
    if (against != CLASSES)
        refuse(against, class);
    port_assert(held[self].count < HELD_MAX, "lock order: too many locks held");
    held[self].classes[held[self].count++] = class;
}

void lock_order_drop(const char *name)
{
    u32 self = mono_thread_index();
    u32 at = held[self].count;

    while (at > 0 && strcmp(names[held[self].classes[at - 1]], name) != 0)
        at--;
    port_assert(at > 0, "lock order: released and not held");
    held[self].classes[at - 1] = held[self].classes[--held[self].count];
}

void lock_order_end(void)
{
    port_assert(held[mono_thread_index()].count == 0, "lock order: a thread ends with a lock");
}
