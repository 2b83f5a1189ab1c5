/* The break: the end of the heap. The kernel takes the mode as a second argument. */
#include "abi/xv6/syscall.h"
#include "user/user.h"

char *sbrk(int n)
{
    return sys_sbrk(n, SBRK_EAGER);
}

char *sbrklazy(int n)
{
    return sys_sbrk(n, SBRK_LAZY);
}
