/*
 * fault: arms a named fault of a service, or disarms it. Its counters are kept when the service restarts.
 *
 *     fault arm xmap:double-map        at the next time its place is reached
 *     fault arm fs:crash-null @3       at the third time
 *     fault arm fs:crash-null @3+      at the third time and at every one after it
 *     fault disarm fs:crash-null
 */
#include "lib/faults.h"
#include "lib/format.h"
#include "user/user.h"

static int usage(void)
{
    fprintf(2, "usage: fault arm SERVICE:NAME [@n[+]]\n       fault disarm SERVICE:NAME\n");
    return 2;
}

int main(int argc, char **argv)
{
    static char text[3 * FAULT_TEXT_MAX];
    static char service[FAULT_TEXT_MAX];
    static char name[FAULT_TEXT_MAX];
    u64 n = 1;
    bool always = false;
    if (argc < 3 || argc > 4)
        return usage();
    bool disarm = strcmp(argv[1], "disarm") == 0;
    if (!disarm && strcmp(argv[1], "arm") != 0)
        return usage();
    u64 length = format_string(text, sizeof(text), "%s%s", argv[2], argc == 4 ? argv[3] : "");
    if (length >= sizeof(text) || !fault_text_parse(text, service, name, &n, &always))
        return usage();
    format_string(text, sizeof(text), "%s:%s", service, name);
    if (disarm)
        n = 0;
    disarm = n == 0;
    if (fault_arm(text, (long)n, always) < 0) {
        fprintf(2, "fault: there is no fault %s\n", text);
        return 1;
    }
    if (disarm)
        printf("disarmed %s\n", text);
    else
        printf("armed %s@%lu%s\n", text, n, always ? "+" : "");
    return 0;
}
