/* poweroff [code]: ends the machine; code 0, or none, is a clean end. */
#include "user/user.h"

int main(int argc, char **argv)
{
    power_off(argc > 1 ? atoi(argv[1]) : 0);
    fprintf(2, "poweroff: refused\n");
    return 1;
}
