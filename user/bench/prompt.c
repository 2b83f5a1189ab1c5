/*
 * In the shell's place: does what a shell does before its first prompt, notes how much was executed since
 * power-on, and ends the emulator.
 */
#include "abi/xv6/fcntl.h"
#include "user/bench/mark.h"
#include "user/bench/rows.h"
#include "user/user.h"

int main(void)
{
    for (;;) {
        int fd = open("console", O_RDWR);
        if (fd > 2)
            close(fd);
        if (fd < 0 || fd > 2)
            break;
    }
    write(2, "$ ", 2);
    MARK_INSTANT(ROW_boot);
    MARK_END();
    return 1;
}
