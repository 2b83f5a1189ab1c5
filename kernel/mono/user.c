/*
 * User mode: a program runs on the kernel thread that serves it. mono_user_run() goes there and comes back
 * with the next trap; interrupts are handled on the way.
 *
 * Called by: the placement; all but mono_user_interrupt() from the one thread that serves the program.
 */
#include "kernel/mono/space.h"
#include "kernel/mono/thread.h"

static struct user {
    struct arch_frame frame;
    u32 interrupted; /* asked by another thread; taken by the one that serves the program */
} users[MONO_USERS];

void mono_user_enter(u32 user, u64 pc, u64 sp, u64 a0, u64 a1)
{
    struct user *u = &users[user];

    arch_frame_init_user(&u->frame);
    u->frame.pc = pc;
    u->frame.x[REG_SP] = sp;
    u->frame.x[REG_A0] = a0;
    u->frame.x[REG_A1] = a1;
    arch_fence_i(); /* its text was written as data */
}

void mono_user_reset(u32 user)
{
    mono_user_enter(user, 0, 0, 0, 0);
    users[user].interrupted = 0;
}

void mono_user_copy(u32 to, u32 from)
{
    users[to].frame = users[from].frame;
}

void mono_user_result(u32 user, u64 value)
{
    users[user].frame.x[REG_A0] = value;
}

void mono_user_interrupt(u32 user)
{
    __atomic_store_n(&users[user].interrupted, 1, __ATOMIC_RELEASE);
}

static void describe(struct arch_frame *frame, struct mono_trap *trap)
{
    trap->pc = frame->pc;
    trap->cause = frame->cause;
    trap->value = frame->value;
    if (frame->cause != CAUSE_USER_CALL)
        return;
    trap->number = frame->x[REG_A7];
    for (u32 i = 0; i < ARRAY_SIZE(trap->argument); i++)
        trap->argument[i] = frame->x[REG_A0 + i];
    frame->pc += 4; /* ecall has no short form */
}

bool mono_user_run(u32 user, u32 space, struct mono_trap *trap)
{
    struct user *u = &users[user];

    for (;;) {
        arch_irq_disable();
        if (__atomic_exchange_n(&u->interrupted, 0, __ATOMIC_ACQUIRE)) {
            arch_irq_restore(true);
            trap->pc = u->frame.pc;
            return false;
        }
        space_enter(space);
        arch_user_run(&u->frame);
        if (!(u->frame.cause & CAUSE_INTERRUPT))
            break;
        interrupt_handle(u->frame.cause);
        arch_irq_restore(true);
    }
    arch_irq_restore(true);
    describe(&u->frame, trap);
    return true;
}
