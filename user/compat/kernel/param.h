/* For programs written for xv6: see abi/xv6/limits.h. */
#include "abi/xv6/limits.h"
