/*
 * fault: lists the named faults, arms one, disarms. Counters are kept when the service restarts.
 *
 *     fault list
 *     fault arm fs crash-null              at the next time its place is reached
 *     fault arm fs crash-null --after 2    when it was reached twice more: the third time
 *     fault arm fs:crash-null@3            the same, as boot arguments have it
 *     fault arm fs:crash-null@3+           the third time and every one after it
 *     fault disarm [fs crash-null]         without a name: all
 */
#include "lib/faults.h"
#include "lib/format.h"
#include "lib/words.h"
#include "user/user.h"

static int usage(void)
{
    fprintf(2, "usage: fault list\n"
               "       fault arm SERVICE NAME [--after N]\n"
               "       fault arm SERVICE:NAME[@n[+]]\n"
               "       fault disarm [SERVICE NAME | SERVICE:NAME]\n");
    return 2;
}

/* One line each; armed: when it fires, counted from now. */
static int list(void)
{
    static struct fault_status f;
    char armed[24];

    printf("%-8s %-12s %-5s %-13s %-13s %-6s %-5s %s\n", "SERVICE", "NAME", "CLASS", "MONO", "MICRO", "ARMED",
           "FIRED", "TRIGGER");
    for (int n = 0; fault_info(n, &f) == 0; n++) {
        if (f.left == 0)
            string_copy(armed, "-", sizeof(armed));
        else
            format_string(armed, sizeof(armed), "@%lu%s", f.left, f.always ? "+" : "");
        printf("%-8s %-12s %-5s %-13s %-13s %-6s %-5lu %s\n", f.service, f.name, f.class, f.mono, f.micro,
               armed, f.fired, f.trigger);
    }
    return 0;
}

/* n 0 disarms. */
static int arm(const char *service, const char *name, u64 n, bool always)
{
    char text[2 * FAULT_TEXT_MAX];
    u64 length = format_string(text, sizeof(text), "%s:%s", service, name);

    if (length >= sizeof(text) || fault_arm(text, (long)n, always) < 0) {
        fprintf(2, "fault: there is no fault %s of a service %s; `fault list` has them\n", name, service);
        return 1;
    }
    if (n == 0)
        printf("disarmed %s\n", text);
    else
        printf("armed %s@%lu%s\n", text, n, always ? "+" : "");
    return 0;
}

static int disarm_all(void)
{
    static struct fault_status f;
    int result = 0;

    for (int n = 0; fault_info(n, &f) == 0; n++) {
        if (f.left != 0 && arm(f.service, f.name, 0, false) != 0)
            result = 1;
    }
    return result;
}

/* SERVICE:NAME, with or without @n[+]; the count may be a word of its own. */
static int arm_text(const char *text, const char *count, bool disarm)
{
    char service[FAULT_TEXT_MAX];
    char name[FAULT_TEXT_MAX];
    char whole[3 * FAULT_TEXT_MAX];
    u64 n = 1;
    bool always = false;

    if (format_string(whole, sizeof(whole), "%s%s", text, count) >= sizeof(whole) ||
        !fault_text_parse(whole, service, name, &n, &always))
        return usage();
    return arm(service, name, disarm ? 0 : n, always);
}

int main(int argc, char **argv)
{
    u64 after = 0;
    bool disarm;

    if (argc == 2 && strcmp(argv[1], "list") == 0)
        return list();
    if (argc == 2 && strcmp(argv[1], "disarm") == 0)
        return disarm_all();
    if (argc < 3 || (strcmp(argv[1], "arm") != 0 && strcmp(argv[1], "disarm") != 0))
        return usage();
    disarm = strcmp(argv[1], "disarm") == 0;
    if (strchr(argv[2], ':') != NULL)
        return argc > 4 ? usage() : arm_text(argv[2], argc == 4 ? argv[3] : "", disarm);
    if (argc == 6 && !disarm && strcmp(argv[4], "--after") == 0) {
        if (!words_number(argv[5], &after) || after >= 1000000000) {
            fprintf(2, "fault: --after takes a number\n");
            return 2;
        }
    } else if (argc != 4) {
        return usage();
    }
    return arm(argv[2], argv[3], disarm ? 0 : after + 1, false);
}
