/* For programs written for xv6: see abi/xv6/fcntl.h. */
#include "abi/xv6/fcntl.h"
