/*
 * spin: runs without end and asks for nothing, so that the machine never idles and, where instructions are
 * counted, time passes by instructions alone. The only line, `spins`, is printed before.
 */
#include "user/user.h"

int main(void)
{
    printf("spins\n");
    for (volatile unsigned int i = 0;;)
        i++;
}
