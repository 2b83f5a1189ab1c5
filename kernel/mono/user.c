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

static struct mono_user users[MONO_USERS];

struct mono_user *mono_user(u32 number)
{
    return &users[number];
}

static void attend(struct mono_user *u, u32 bits)
{
    __atomic_fetch_or(&u->attention, bits, __ATOMIC_RELAXED);
}

void mono_user_enter(struct mono_user *u, u64 pc, u64 sp, u64 a0, u64 a1)
{
    arch_frame_init_user(&u->frame);
    u->frame.pc = pc;
    u->frame.x[REG_SP] = sp;
    u->frame.x[REG_A0] = a0;
    u->frame.x[REG_A1] = a1;
    attend(u, ATTENTION_FRESH);
}

void mono_user_reset(struct mono_user *u)
{
    mono_user_enter(u, 0, 0, 0, 0);
    __atomic_store_n(&u->attention, ATTENTION_FRESH, __ATOMIC_RELAXED);
}

void mono_user_copy(struct mono_user *to, const struct mono_user *from)
{
    to->frame = from->frame;
}

__attribute__((optimize("omit-frame-pointer"))) void mono_user_result(struct mono_user *u, u64 value)
{
    u->frame.x[REG_A0] = value;
}

void mono_user_interrupt(struct mono_user *u)
{
    attend(u, ATTENTION_INTERRUPT);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    for (u32 i = 0; mono_hart_count > 1 && i < mono_hart_count; i++) {
        if (mono_harts[i].active == u)
            hart_kick(i);
    }
}

/* What `attention` asks for before the program goes on. Returns whether it was interrupted. */
static __attribute__((noinline)) bool answer_attention(struct mono_user *u)
{
    u32 bits = __atomic_exchange_n(&u->attention, 0, __ATOMIC_ACQUIRE);

    if (bits & ATTENTION_FRESH) {
        thread_serves_program();
        space_text_changed((u32)u->space);
    }
    if (!(bits & ATTENTION_INTERRUPT))
        return false;
    u->trap->kind = MONO_TRAP_INTERRUPTED;
    u->trap->pc = u->frame.pc;
    return true;
}

/* The program's side of a call: its number and arguments; it goes on behind the ecall, which has no short
 * form. */
static inline void describe_call(struct arch_frame *frame, struct mono_trap *trap)
{
    u64 pc = frame->pc;

    trap->kind = MONO_TRAP_CALL;
    trap->pc = pc;
    trap->number = frame->x[REG_A7];
    trap->argument[0] = frame->x[REG_A0];
    trap->argument[1] = frame->x[REG_A1];
    trap->argument[2] = frame->x[REG_A2];
    trap->argument[3] = frame->x[REG_A3];
    trap->argument[4] = frame->x[REG_A4];
    trap->argument[5] = frame->x[REG_A5];
    frame->pc = pc + 4;
}

static __attribute__((noinline)) void describe_exception(const struct arch_frame *frame,
                                                         struct mono_trap *trap)
{
    u64 cause = frame->cause;
    bool page = cause == CAUSE_FETCH_PAGE || cause == CAUSE_LOAD_PAGE || cause == CAUSE_STORE_PAGE;

    trap->kind = page ? MONO_TRAP_PAGE_FAULT : MONO_TRAP_EXCEPTION;
    trap->pc = frame->pc;
    trap->cause = cause;
    trap->address = frame->value;
    trap->access = cause == CAUSE_FETCH_PAGE ? MONO_EXEC : cause == CAUSE_STORE_PAGE ? MONO_WRITE : MONO_READ;
}

/* What the loop needs is kept in `u` and not in variables: user mode leaves no register to the kernel but the
 * one that names `u`, so a variable would be stored and loaded around it as well. */
void mono_user_run(struct mono_user *u, u64 space, struct mono_trap *trap)
{
    u->space = space;
    u->trap = trap;
    do {
        struct mono_hart *hart;

        arch_irq_disable();
        hart = hart_self();
        hart->active = u;
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        if (__atomic_load_n(&u->attention, __ATOMIC_RELAXED) && answer_attention(u)) {
            hart->active = NULL;
            arch_irq_restore(true);
            return;
        }
        space_enter(hart, u->space);
        u = (struct mono_user *)arch_user_run(&u->frame);
        hart_self()->active = NULL;
        if (u->frame.cause & CAUSE_INTERRUPT)
            interrupt_handle(u->frame.cause);
    } while (u->frame.cause & CAUSE_INTERRUPT);
    arch_irq_restore(true);
    if (u->frame.cause == CAUSE_USER_CALL)
        describe_call(&u->frame, u->trap);
    else
        describe_exception(&u->frame, u->trap);
}
