/*
 * ps: the processes: pid, parent (0: none that would wait for it), state, what it waits for, memory up to its
 * break in KiB, name. Lines are of one instant each.
 */
#include "lib/format.h"
#include "user/user.h"

static const char *waits_for(const struct process_status *p)
{
    static const char *const waits[PROGRAM_WAITS] = {
        [PROGRAM_NO_WAIT] = "-",
        [PROGRAM_WAIT_CHILD] = "child",
        [PROGRAM_WAIT_TIME] = "time",
        [PROGRAM_WAIT_CONSOLE] = "console",
    };
    static char text[CONTROL_TEXT];

    if (p->wait != PROGRAM_WAIT_PIPE)
        return waits[p->wait];
    format_string(text, sizeof(text), "pipe %d", p->pipe);
    return text;
}

int main(int argc, char **argv)
{
    static const char *const states[PROGRAM_STATES] = {
        [PROGRAM_NEW] = "new",       [PROGRAM_RUNS] = "run",      [PROGRAM_SLEEPS] = "sleep",
        [PROGRAM_ENDING] = "ending", [PROGRAM_ZOMBIE] = "zombie",
    };
    static struct process_status p;

    (void)argv;
    if (argc > 1) {
        fprintf(2, "usage: ps\n");
        return 2;
    }
    printf("%-6s %-6s %-6s %-9s %-7s %s\n", "PID", "PARENT", "STATE", "WAITS-FOR", "MEMORY", "NAME");
    for (int n = 0; process_info(n, &p) == 0; n++) {
        if (p.pid != 0)
            printf("%-6d %-6d %-6s %-9s %-7lu %s\n", p.pid, p.parent, states[p.state], waits_for(&p),
                   (p.memory + 1023) / 1024, p.name);
    }
    return 0;
}
