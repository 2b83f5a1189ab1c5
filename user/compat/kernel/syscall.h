/* For programs written for xv6: see abi/xv6/syscall.h. */
#include "abi/xv6/syscall.h"
