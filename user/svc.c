/*
 * svc: the services as their supervisor sees them. Where they are part of the kernel, all that can be told is
 * that.
 *
 *     svc [list]
 *     svc hold NAME [--for SECONDS]    its callers wait; nothing is lost; it goes on by itself, after 10 s
 *     svc release NAME                 before that time
 *     svc restart NAME                 a new generation, as after a death
 *
 * A hold has an end because no program can be started while fs or xmap is held, `svc release` neither.
 */
#include "lib/words.h"
#include "user/user.h"

#define HOLD_SECONDS 10

static int usage(void)
{
    fprintf(2, "usage: svc [list]\n       svc hold NAME [--for SECONDS]\n       svc release NAME\n       svc "
               "restart NAME\n");
    return 2;
}

static const char *const states[SERVICE_STATES] = {
    [SERVICE_RUNNING] = "running",         [SERVICE_RESTARTING] = "restarting", [SERVICE_HELD] = "held",
    [SERVICE_BACKING_OFF] = "backing off", [SERVICE_GAVE_UP] = "gave up",
};

static void show(const struct service_status *s)
{
    if (s->state == SERVICE_IN_KERNEL)
        printf("%-8s %-4s %-8s in kernel, no restart\n", s->name, "-", "-");
    else
        printf("%-8s %-4u %-8u %-11s %-31s %s\n", s->name, s->generation, s->restarts, states[s->state],
               s->last_fault[0] ? s->last_fault : "-", s->policy);
}

static int list(void)
{
    static struct service_status s;

    printf("%-8s %-4s %-8s %-11s %-31s %s\n", "NAME", "GEN", "RESTARTS", "STATE", "LAST-FAULT", "POLICY");
    for (int n = 0; service_info(n, &s) == 0; n++)
        show(&s);
    return 0;
}

/* Its number, with what it is like; -1 if there is none of that name. */
static int find(const char *name, struct service_status *s)
{
    for (int n = 0; service_info(n, s) == 0; n++) {
        if (strcmp(s->name, name) == 0)
            return n;
    }
    return -1;
}

static int steer(const char *word, int verb, const char *name, int ms)
{
    static struct service_status s;
    int n = find(name, &s);
    int result;

    if (n < 0) {
        fprintf(2, "svc: there is no service %s\n", name);
        return 1;
    }
    if (s.state == SERVICE_IN_KERNEL) {
        fprintf(2, "svc: cannot %s %s: it is part of this kernel\n", word, name);
        return 1;
    }
    result = service_control(n, verb, ms);
    if (result == 0)
        return 0;
    if (result == CONTROL_ESTATE && verb == SERVICE_RELEASE)
        fprintf(2, "svc: cannot release %s: it is not held\n", name);
    else if (result == CONTROL_ESTATE)
        fprintf(2, "svc: cannot %s %s: it is %s\n", word, name,
                s.state == SERVICE_GAVE_UP ? "given up" : states[s.state]);
    else
        fprintf(2, "svc: cannot %s %s: nothing would go on without it\n", word, name);
    return 1;
}

int main(int argc, char **argv)
{
    static const char *const verbs[SERVICE_VERBS] = {
        [SERVICE_HOLD] = "hold", [SERVICE_RELEASE] = "release", [SERVICE_RESTART] = "restart"};
    u64 seconds = HOLD_SECONDS;

    if (argc == 1 || (argc == 2 && strcmp(argv[1], "list") == 0))
        return list();
    for (int verb = 0; verb < SERVICE_VERBS; verb++) {
        if (strcmp(argv[1], verbs[verb]) != 0)
            continue;
        if (argc == 5 && verb == SERVICE_HOLD && strcmp(argv[3], "--for") == 0) {
            if (!words_number(argv[4], &seconds) || seconds == 0 || seconds > SERVICE_HOLD_MAX / 1000) {
                fprintf(2, "svc: --for takes 1 to %d seconds\n", SERVICE_HOLD_MAX / 1000);
                return 2;
            }
        } else if (argc != 3) {
            return usage();
        }
        return steer(argv[1], verb, argv[2], (int)seconds * 1000);
    }
    return usage();
}
