/* For programs written for xv6: see abi/xv6/stat.h. */
#include "abi/xv6/stat.h"
