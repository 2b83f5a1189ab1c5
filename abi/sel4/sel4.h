/*
 * Everything a program of the microkernel needs: constants, types, system calls, invocations. Header only.
 *
 * For code built with the C flags of the top Makefile; see syscalls.h for what the thread pointer must hold.
 */
#ifndef ABI_SEL4_SEL4_H
#define ABI_SEL4_SEL4_H

#include "abi/sel4/constants.h"
#include "abi/sel4/invocations.h"
#include "abi/sel4/syscalls.h"
#include "abi/sel4/types.h"

#endif
