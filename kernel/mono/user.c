/*
 * User mode: a program runs on the kernel thread that serves it. mono_user_run() goes there and comes back
 * with the next trap; interrupts are handled on the way.
 *
 * Called by: the placement; all but mono_user_interrupt() from the one thread that serves the program.
 *
 * While the program runs in user mode the hart says so in `active`: who wants to interrupt it sets a bit of
 * `attention` and then reads `active`, and this writes `active` and then reads `attention`, with a fence
 * between. So either the bit is seen here, or the hart is found there.
 */
#include "kernel/mono/hart.h"
#include "kernel/mono/space.h"
#include "kernel/mono/thread.h"

enum attention {
    ATTENTION_INTERRUPT = 1, /* asked by another thread */
    ATTENTION_FRESH =
        2, /* the program is to begin: its text was written as data, its thread was a service's */
};

static struct user {
    struct arch_frame frame;
    u32 attention; /* bits; taken by the thread that serves the program */
} users[MONO_USERS];

static void attend(struct user *u, u32 bits)
{
    __atomic_fetch_or(&u->attention, bits, __ATOMIC_RELAXED);
}

void mono_user_enter(u32 user, u64 pc, u64 sp, u64 a0, u64 a1)
{
    struct user *u = &users[user];

    arch_frame_init_user(&u->frame);
    u->frame.pc = pc;
    u->frame.x[REG_SP] = sp;
    u->frame.x[REG_A0] = a0;
    u->frame.x[REG_A1] = a1;
    attend(u, ATTENTION_FRESH);
}

void mono_user_reset(u32 user)
{
    mono_user_enter(user, 0, 0, 0, 0);
    __atomic_store_n(&users[user].attention, ATTENTION_FRESH, __ATOMIC_RELAXED);
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
    attend(&users[user], ATTENTION_INTERRUPT);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    for (u32 i = 0; mono_hart_count > 1 && i < mono_hart_count; i++) {
        if (HART_ACTIVE_USER(__atomic_load_n(&mono_harts[i].active, __ATOMIC_RELAXED)) == user)
            hart_kick(i);
    }
}

/* What `attention` asks for before the program goes on. Returns whether it was interrupted. */
static bool answer_attention(struct user *u, u32 space)
{
    u32 bits = __atomic_exchange_n(&u->attention, 0, __ATOMIC_ACQUIRE);

    if (bits & ATTENTION_FRESH) {
        thread_serves_program();
        space_text_changed(space);
    }
    return bits & ATTENTION_INTERRUPT;
}

/* The program's side of a call: its number and arguments; it goes on behind the ecall, which has no short
 * form. */
static void describe_call(struct arch_frame *frame, struct mono_trap *trap)
{
    trap->kind = MONO_TRAP_CALL;
    trap->pc = frame->pc;
    trap->number = frame->x[REG_A7];
    trap->argument[0] = frame->x[REG_A0];
    trap->argument[1] = frame->x[REG_A1];
    trap->argument[2] = frame->x[REG_A2];
    trap->argument[3] = frame->x[REG_A3];
    trap->argument[4] = frame->x[REG_A4];
    trap->argument[5] = frame->x[REG_A5];
    frame->pc += 4;
}

static void describe_exception(const struct arch_frame *frame, struct mono_trap *trap)
{
    u64 cause = frame->cause;
    bool page = cause == CAUSE_FETCH_PAGE || cause == CAUSE_LOAD_PAGE || cause == CAUSE_STORE_PAGE;

    trap->kind = page ? MONO_TRAP_PAGE_FAULT : MONO_TRAP_EXCEPTION;
    trap->pc = frame->pc;
    trap->cause = cause;
    trap->address = frame->value;
    trap->access = cause == CAUSE_FETCH_PAGE ? MONO_EXEC : cause == CAUSE_STORE_PAGE ? MONO_WRITE : MONO_READ;
}

void mono_user_run(u32 user, u32 space, struct mono_trap *trap)
{
    struct user *u = &users[user];
    struct mono_hart *hart;

    for (;;) {
        arch_irq_disable();
        hart = hart_self();
        __atomic_store_n(&hart->active, HART_ACTIVE(user, space), __ATOMIC_RELAXED);
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        if (__atomic_load_n(&u->attention, __ATOMIC_RELAXED) && answer_attention(u, space)) {
            __atomic_store_n(&hart->active, 0, __ATOMIC_RELAXED);
            arch_irq_restore(true);
            trap->kind = MONO_TRAP_INTERRUPTED;
            trap->pc = u->frame.pc;
            return;
        }
        space_enter(hart, space);
        arch_user_run(&u->frame);
        __atomic_store_n(&hart->active, 0, __ATOMIC_RELAXED);
        if (!(u->frame.cause & CAUSE_INTERRUPT))
            break;
        interrupt_handle(u->frame.cause);
    }
    arch_irq_restore(true);
    if (u->frame.cause == CAUSE_USER_CALL)
        describe_call(&u->frame, trap);
    else
        describe_exception(&u->frame, trap);
}
