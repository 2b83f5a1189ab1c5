/* The scheduler's lock and lists, as placement/common/sync.c asks for them: a wait list is the kernel's own.
 */
#include "placement/common/sync.h"
#include "kernel/mono/mono.h"

_Static_assert(sizeof(struct sync_list) == sizeof(struct mono_list), "the same list under two names");

/* Part of every lock and unlock: without a frame it is one load. */
__attribute__((optimize("omit-frame-pointer"))) struct sync_thread *sync_self(void)
{
    return (struct sync_thread *)mono_current();
}

bool sync_guard(void)
{
    return mono_schedule_lock();
}

void sync_unguard(bool token)
{
    mono_schedule_unlock(token);
}

bool sync_block(struct sync_list *list, u64 deadline)
{
    return mono_block((struct mono_list *)list, mono_time_of(deadline));
}

struct sync_thread *sync_wake(struct sync_list *list)
{
    return (struct sync_thread *)mono_wake((struct mono_list *)list);
}
