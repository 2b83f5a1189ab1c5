/* What helper threads do in several tests. The contract is in conformance.h. */
#include "test/conformance/conformance.h"

volatile u64 steps;

void enter_note(u64 digit, u64 b)
{
    (void)b;
    steps = steps * 10 + digit;
    helper_stop();
}

void enter_wait(u64 cptr, u64 digit)
{
    seL4_Wait(cptr, NULL);
    enter_note(digit, 0);
}

void enter_waits(u64 cptr, u64 b)
{
    (void)b;
    for (;;) {
        seL4_Word badge;
        seL4_Wait(cptr, &badge);
        steps = steps * 16 + (badge & 15);
    }
}

void enter_call(u64 cptr, u64 label)
{
    steps = 100 + seL4_MessageInfo_get_label(seL4_Call(cptr, seL4_MessageInfo_new(label, 0, 0, 0)));
    helper_stop();
}

void enter_send(u64 cptr, u64 label)
{
    seL4_Send(cptr, seL4_MessageInfo_new(label, 0, 0, 0));
    enter_note(1, 0);
}

void enter_call_with_caps(u64 cptr, u64 count)
{
    for (u64 i = 0; i < count; i++)
        seL4_SetCap((int)i, seL4_GetMR((int)i));
    steps = 100 + seL4_MessageInfo_get_extraCaps(seL4_Call(cptr, seL4_MessageInfo_new(0, 0, count, 0)));
    helper_stop();
}

void enter_load(u64 address, u64 digit)
{
    (void)*(volatile u64 *)address;
    enter_note(digit, 0);
}

void enter_spin(u64 counter, u64 b)
{
    (void)b;
    for (;;)
        (*(volatile u64 *)counter)++;
}

void system_call(s64 number, struct registers *registers)
{
    register u64 a0 __asm__("a0") = registers->a[0];
    register u64 a1 __asm__("a1") = registers->a[1];
    register u64 a2 __asm__("a2") = registers->a[2];
    register u64 a3 __asm__("a3") = registers->a[3];
    register u64 a4 __asm__("a4") = registers->a[4];
    register u64 a5 __asm__("a5") = registers->a[5];
    register s64 a7 __asm__("a7") = number;
    __asm__ volatile("ecall"
                     : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3), "+r"(a4), "+r"(a5)
                     : "r"(a7)
                     : "memory");
    *registers = (struct registers){{a0, a1, a2, a3, a4, a5}};
}
