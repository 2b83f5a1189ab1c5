/* Stopping and starting threads. The contract is in thread.h. */
#include "kernel/micro/thread.h"
#include "kernel/micro/debug.h"
#include "kernel/micro/ipc.h"
#include "kernel/micro/schedule.h"
#include "kernel/micro/trap.h"

void thread_init(struct tcb *tcb)
{
    trap_init_frame(&tcb->frame);
    tcb->slice = CONFIG_TIME_SLICE;
    debug_thread_new(tcb);
}

void thread_suspend(struct tcb *tcb)
{
    ipc_cancel(tcb);
    if (tcb->state == THREAD_RUNNING)
        tcb->fault_pc = tcb->frame.pc;
    thread_set_state(tcb, THREAD_INACTIVE);
    schedule_dequeue(tcb);
}

void thread_resume(struct tcb *tcb)
{
    if (thread_runnable(tcb))
        return;
    ipc_cancel(tcb);
    reply_prepare(tcb);
    thread_set_state(tcb, THREAD_RESTART);
    schedule_enqueue(tcb);
    schedule_wake(tcb);
}
