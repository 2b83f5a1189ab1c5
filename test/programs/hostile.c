/*
 * hostile SEED ROUNDS: programs that make the kernel's own system calls, which on micro are seL4's.
 *
 * A negative number in a7 is an unknown call on mono, where the answer is -1. On micro it is a seL4 call, by
 * which a program may send what it likes to the endpoint that its faults go to. Each round starts a few
 * children that do so, each in its way (struct way), all at the same time; each must end by itself, by the
 * service that believed its message, or by kill(), within LIMIT. What a child gets back, and what its memory
 * holds afterwards, is checked by itself; that the rest of the system goes on, by who runs this.
 *
 * The last line is `hostile: N children, M ended by the system, F pages free before, F after`, or `hostile:
 * FAILED: ...`. M is 0 on mono.
 *
 * Left out are the calls of kernels built for debugging (-9 to -14): one of them halts the machine, whoever
 * makes it.
 */
#include "abi/xv6/fcntl.h"
#include "abi/xv6/syscall.h"
#include "user/user.h"

#define CHILDREN    8   /* at the same time */
#define LIMIT       100 /* ticks, for all children of a round */
#define ORPHANS_END 100 /* ticks */
#define PAGE        4096ul
#define PAGES       3
#define WORDS       (PAGES * PAGE / 8)
#define SLOTS       64

/* Numbers of seL4's API, of which a program is otherwise told nothing. */
enum {
    seL4_SysCall = -1,
    seL4_SysReplyRecv = -2,
    seL4_SysSend = -3,
    seL4_SysNBSend = -4,
    seL4_SysRecv = -5,
    seL4_SysYield = -7,
    seL4_SysNBRecv = -8,
    seL4_Fault_UnknownSyscall = 2,
    seL4_Fault_UserException = 3,
    seL4_Fault_VMFault = 5,
    seL4_NotEnoughMemory = 10,
};

/* Of the two slots of a program's CSpace the one that is not empty: the endpoint of its faults. */
#define SLOT_ENDPOINT 1

/* The status of a page fault: the access faults of scause. */
#define LOAD  5
#define STORE 7

/* How a child ends by itself. */
#define STATUS_WELL  20
#define STATUS_WRONG 21

struct way {
    const char *name;
    void (*deed)(void); /* comes back if nothing has ended the child */
    bool by_kill;       /* it would never end */
};

static bool sel4; /* negative numbers are seL4's */
static u32 dice;
static int bytes[2]; /* the pipe of a round */
static u64 memory[WORDS] __attribute__((aligned(4096)));

static u32 chance(u32 below)
{
    dice ^= dice << 13;
    dice ^= dice >> 17;
    dice ^= dice << 5;
    return dice % below;
}

static u64 chance_word(void)
{
    return (u64)chance(~0u) << 32 | chance(~0u);
}

static _Noreturn void wrong(const char *what, u64 got, u64 wanted)
{
    printf("hostile: wrong: %s: %lx, not %lx\n", what, got, wanted);
    exit(STATUS_WRONG);
}

/* ---- Raw calls ---- */

/* What goes into a0 to a5, and what comes out of them. */
struct call {
    u64 a[6];
};

static void raw(long number, struct call *call)
{
    register u64 a0 __asm__("a0") = call->a[0];
    register u64 a1 __asm__("a1") = call->a[1];
    register u64 a2 __asm__("a2") = call->a[2];
    register u64 a3 __asm__("a3") = call->a[3];
    register u64 a4 __asm__("a4") = call->a[4];
    register u64 a5 __asm__("a5") = call->a[5];
    register long a7 __asm__("a7") = number;

    __asm__ volatile("ecall"
                     : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3), "+r"(a4), "+r"(a5)
                     : "r"(a7)
                     : "memory");
    *call = (struct call){{a0, a1, a2, a3, a4, a5}};
}

static u64 info_of(u64 label, u64 length)
{
    return label << 12 | length;
}

/* Says something to unix with the four words that go in registers; a program has no buffer for more. */
static struct call say(long number, u64 label, u64 length, u64 w0, u64 w1, u64 w2, u64 w3)
{
    struct call call = {{SLOT_ENDPOINT, info_of(label, length), w0, w1, w2, w3}};

    raw(number, &call);
    return call;
}

/*
 * Whether a call that came back gave nothing away: a word is as it was, or zero. The answer of Call has an
 * info word, of an error at most. mono's only answer is -1.
 */
static void check_answer(long number, const struct call *before, const struct call *after)
{
    bool answered = number == seL4_SysCall;

    if (!sel4 && after->a[0] != ~0ul)
        wrong("answer", after->a[0], ~0ul);
    if (sel4 && after->a[0] != before->a[0] && !(answered && after->a[0] == 0))
        wrong("a0", after->a[0], before->a[0]);
    if (after->a[1] != before->a[1] && !(sel4 && answered && after->a[1] >> 12 <= seL4_NotEnoughMemory))
        wrong("a1", after->a[1], before->a[1]);
    for (int i = 2; i < 6; i++) {
        if (after->a[i] != before->a[i] && !(sel4 && answered && after->a[i] == 0))
            wrong("a2 to a5", after->a[i], before->a[i]);
    }
}

static u64 memory_word(u64 i)
{
    return i * 0x9e3779b97f4a7c15ul + 1;
}

static void memory_fill(void)
{
    for (u64 i = 0; i < WORDS; i++)
        memory[i] = memory_word(i);
}

static void memory_check(void)
{
    for (u64 i = 0; i < WORDS; i++) {
        if (memory[i] != memory_word(i))
            wrong("memory", memory[i], memory_word(i));
    }
}

/* ---- The ways ---- */

/* Labels that mean something to a fault handler, and others. */
static u64 any_label(void)
{
    u32 kind = chance(4);

    if (kind == 0)
        return seL4_Fault_VMFault;
    if (kind == 1)
        return seL4_Fault_UnknownSyscall;
    return kind == 2 ? chance(16) : chance_word() >> 12;
}

static u64 any_word(void)
{
    static const u64 words[] = {0, 1, 7, 12, 13, 15, ~0ul, 0x3ffffff000, 0x1000000000, 0xffffffff80200000};
    u32 kind = chance(4);

    if (kind == 0)
        return chance_word();
    if (kind == 1)
        return (u64)memory + chance(PAGES * PAGE);
    return kind == 2 ? chance(100) : words[chance(sizeof(words) / sizeof(words[0]))];
}

/* Each call on each slot with each label, length and number of capabilities, until one ends the child. */
static void storm(void)
{
    u32 count = 1 + chance(20);

    while (count-- > 0) {
        long number = -1 - (long)chance(8);
        u64 slot = chance(2) ? SLOT_ENDPOINT : chance(SLOTS);
        u64 info = any_label() << 12 | chance(8) << 9 | chance(4) << 7 | chance(121);
        struct call before = {{slot, info, any_word(), any_word(), any_word(), any_word()}};
        struct call after = before;

        raw(number, &after);
        check_answer(number, &before, &after);
        memory_check();
    }
}

/* Numbers that no kernel knows. Of the number only the low half counts, so one of these is getpid. */
static void numbers(void)
{
    static const long unknown[] = {-15, -16, -1000, -0x80000000l, 0x7fffffff, 0x1fffffffbl, 63};
    struct call before = {{any_word(), any_word(), any_word(), any_word(), any_word(), any_word()}};
    struct call after = before;

    raw(unknown[chance(sizeof(unknown) / sizeof(unknown[0]))], &after);
    before.a[0] = ~0ul;
    for (int i = 0; i < 6; i++) {
        if (after.a[i] != before.a[i])
            wrong("an unknown call", after.a[i], before.a[i]);
    }
    raw((long)0xffffffff00000000ul | SYS_getpid, &after);
    if (after.a[0] != (u64)getpid())
        wrong("getpid", after.a[0], (u64)getpid());
}

/*
 * After a call of its own, the child says with fewer words than a call has that it makes another: with what
 * unix has left of the first one, that would be the first again. So nothing more may come out of the pipe
 * than the one byte, no child may appear, and the sender is ended.
 */
static void again(void)
{
    long number = chance(2) ? seL4_SysSend : chance(2) ? seL4_SysCall : seL4_SysNBSend;
    u64 first = (u64)getpid(), length = chance(5);
    bool forks = chance(4) == 0;

    if (forks) {
        if (fork() == 0)
            exit(STATUS_WELL);
    } else if (write(bytes[1], "x", 1) != 1) {
        wrong("write", 0, 1);
    }
    (void)say(number, seL4_Fault_UnknownSyscall, length, (u64)again, first, first, (u64)bytes[1]);
    while (sel4)
        ;
    if (forks)
        wait(NULL);
}

/* A page fault that has not happened, on a page that is there: of it nothing must come but a copy of what is
 * shared. The message of Send has no answer, so that unix believes that the child waits while it goes on. */
static void faults_at_home(void)
{
    u32 count = 1 + chance(30);

    if (chance(2) && fork() == 0) { /* which shares its pages, and changes them */
        for (u64 i = 0; i < WORDS; i += 8)
            memory[i] = 0;
        exit(STATUS_WELL);
    }
    while (count-- > 0) {
        u64 i = chance(WORDS), fetch = chance(64) == 0, status = chance(2) ? STORE : LOAD;
        long number = chance(2) ? seL4_SysSend : chance(2) ? seL4_SysCall : seL4_SysNBSend;
        struct call before = {{SLOT_ENDPOINT, info_of(seL4_Fault_VMFault, 4), (u64)faults_at_home,
                               (u64)&memory[i], fetch, status}};
        struct call after = before;

        memory[i] = 0;
        raw(number, &after);
        memory[i] = memory_word(i);
        check_answer(number, &before, &after);
        if (chance(4) == 0)
            (void)getpid();
        if (chance(8) == 0) {
            if (fork() == 0)
                exit(STATUS_WELL);
            wait(NULL);
        }
    }
    memory_check();
    while (wait(NULL) >= 0)
        ;
}

/* An illegal instruction where there is none, or nothing at all: whoever looks at it, it is the end of the
 * sender. */
static void exceptions(void)
{
    u64 place = (u64)memory + chance(PAGES + 1) * PAGE + 4 - chance(8);
    u64 length = chance(5), cause = chance(2) ? 2 : any_word();

    (void)say(chance(2) ? seL4_SysSend : seL4_SysCall, seL4_Fault_UserException, length,
              chance(2) ? place : any_word(), 0, cause, 0);
    while (sel4)
        ;
}

/* Pages on first use, and a region that ends, while unix hears of faults there. */
static void faults_in_regions(void)
{
    xmap_region_t lazy;

    if (xmap_reserve(4 * PAGE, &lazy) != 0 || xmap_map(&lazy, XMAP_READ | XMAP_WRITE | XMAP_LAZY) != 0)
        wrong("a region", 0, 0);
    for (u64 page = lazy.start; page < lazy.start + lazy.length; page += PAGE) {
        u64 status = chance(2) ? STORE : LOAD;

        (void)say(chance(2) ? seL4_SysSend : seL4_SysCall, seL4_Fault_VMFault, 4, 0, page + chance(PAGE), 0,
                  status);
        if (*(volatile u64 *)page != 0)
            wrong("a fresh page", *(volatile u64 *)page, 0);
        *(volatile u64 *)page = page;
        (void)say(seL4_SysSend, seL4_Fault_VMFault, 4, 0, page, 0, status);
        if (*(volatile u64 *)page != page)
            wrong("a used page", *(volatile u64 *)page, page);
    }
    if (chance(2)) {
        xmap_unmap(&lazy);
        xmap_release(&lazy);
        (void)say(seL4_SysSend, seL4_Fault_VMFault, 4, 0, lazy.start, 0, STORE);
        while (sel4) /* the region is no more, so that fault is the end */
            ;
    }
}

/* On mono each would be a line on the console. */
static void yields_for_ever(void)
{
    for (;;)
        (void)say(sel4 ? seL4_SysYield : SYS_uptime, 0, 0, 0, 0, 0, 0);
}

/* Says so often that a page is missing that a kill comes while a message is on its way. */
static void faults_for_ever(void)
{
    if (!sel4)
        yields_for_ever();
    long number = chance(2) ? seL4_SysSend : chance(2) ? seL4_SysCall : seL4_SysNBSend;

    for (;;) {
        (void)say(number, seL4_Fault_VMFault, 4, 0, (u64)memory, 0, STORE);
        if (chance(100) == 0 && fork() == 0)
            exit(STATUS_WELL);
        wait(NULL);
    }
}

/* Waits for a message, as nobody would answer. */
static void receives(void)
{
    static const long numbers[] = {seL4_SysRecv, seL4_SysReplyRecv, seL4_SysNBRecv};

    (void)say(numbers[chance(3)], 0, 0, 0, 0, 0, 0);
    while (sel4) /* it has no right to: that is its end */
        ;
}

/* Another program takes this one's place while unix may still have a message of the old one. */
static void becomes_another(void)
{
    char *arguments[] = {"hostile", NULL};

    (void)say(chance(2) ? seL4_SysSend : seL4_SysNBSend, seL4_Fault_VMFault, 4, 0, (u64)memory, 0, STORE);
    exec("hostile", arguments);
    wrong("exec", 0, 0);
}

/* A message right before the end of the process. */
static void sends_and_exits(void)
{
    (void)say(chance(2) ? seL4_SysSend : seL4_SysNBSend, seL4_Fault_VMFault, 4, 0, any_word(), 0, STORE);
    exit(STATUS_WELL);
}

static const struct way ways[] = {
    {"storm", storm, false},
    {"again", again, false},
    {"numbers", numbers, false},
    {"exceptions", exceptions, false},
    {"faults-at-home", faults_at_home, false},
    {"faults-in-regions", faults_in_regions, false},
    {"faults-for-ever", faults_for_ever, true},
    {"receives", receives, false},
    {"yields-for-ever", yields_for_ever, true},
    {"becomes-another", becomes_another, false},
    {"sends-and-exits", sends_and_exits, false},
};

/* ---- Rounds ---- */

struct child {
    int pid; /* 0: has ended */
    const struct way *way;
};

static struct child children[CHILDREN];

static _Noreturn void failed(const char *what, const char *way, long number)
{
    printf("hostile: FAILED: %s, %s, %ld\n", what, way, number);
    for (u32 i = 0; i < CHILDREN; i++) {
        if (children[i].pid > 0)
            kill(children[i].pid);
    }
    exit(1);
}

static void start(struct child *child)
{
    u32 seed = chance(~0u) | 1;

    /* The first two are half of all: they have most to say. */
    child->way = &ways[chance(2) ? chance(2) : chance(sizeof(ways) / sizeof(ways[0]))];
    child->pid = fork();
    if (child->pid < 0)
        failed("no process", child->way->name, 0);
    if (child->pid > 0)
        return;
    dice = seed;
    close(bytes[0]);
    memory_fill();
    child->way->deed();
    exit(STATUS_WELL);
}

static int start_watch(void)
{
    int pid = fork();

    if (pid < 0)
        failed("no process", "watch", 0);
    if (pid == 0) {
        close(bytes[0]);
        close(bytes[1]);
        pause(LIMIT);
        exit(STATUS_WELL);
    }
    return pid;
}

static struct child *child_of(int pid)
{
    for (u32 i = 0; i < CHILDREN; i++) {
        if (children[i].pid == pid)
            return &children[i];
    }
    return NULL;
}

/* All but those that only a kill ends; then those. The number of children that the system has ended. */
static u32 wait_for(bool by_kill, int watch)
{
    u32 left = 0, ended = 0;

    for (u32 i = 0; i < CHILDREN; i++) {
        if (children[i].way->by_kill == by_kill)
            left++;
        if (by_kill && children[i].way->by_kill)
            kill(children[i].pid);
    }
    while (left > 0) {
        int status = 0, pid = wait(&status);
        struct child *child = child_of(pid);

        if (pid == watch) {
            for (u32 i = 0; i < CHILDREN; i++) {
                if (children[i].pid != 0 && children[i].way->by_kill == by_kill)
                    failed("no end", children[i].way->name, children[i].pid);
            }
        }
        if (child == NULL)
            failed("a stranger among the children", "", pid);
        if (child->way->by_kill != by_kill || (status != -1 && (status != STATUS_WELL || by_kill)))
            failed("an end", child->way->name, status);
        child->pid = 0;
        ended += status == -1 && !by_kill;
        left--;
    }
    return ended;
}

/* Nobody has written but each child of the way `again` once; those that forked have not. */
static void check_bytes(void)
{
    static char got[2 * CHILDREN];
    int most = 0, count = 0, n;

    for (u32 i = 0; i < CHILDREN; i++)
        most += children[i].way->deed == again;
    while ((n = read(bytes[0], got, sizeof(got))) > 0)
        count += n;
    if (count > most)
        failed("a call was made that nobody made", "again", count);
}

static u32 play_round(u32 round)
{
    if (pipe(bytes) < 0)
        failed("no pipe", "", round);
    for (u32 i = 0; i < CHILDREN; i++)
        start(&children[i]);
    int watch = start_watch();
    close(bytes[1]);
    u32 ended = wait_for(false, watch);
    wait_for(true, watch);
    kill(watch);
    if (wait(NULL) != watch)
        failed("a stranger among the children", "watch", round);
    check_bytes();
    close(bytes[0]);
    return ended;
}

/* On mono the answer is -1; seL4's Yield leaves every register alone. */
static bool is_sel4(void)
{
    struct call call = {{1234}};

    raw(seL4_SysYield, &call);
    return call.a[0] == 1234;
}

int main(int argc, char **argv)
{
    unsigned long before[3], after[3] = {0};
    u32 ended = 0;

    if (argc == 1) /* what `becomes-another` has become */
        exit(STATUS_WELL);
    if (argc != 3 || xmap_usage(before) != 0) {
        fprintf(2, "usage: hostile SEED ROUNDS\n");
        exit(2);
    }
    sel4 = is_sel4();
    dice = (u32)atoi(argv[1]) * 2654435761u | 1;
    u32 rounds = (u32)atoi(argv[2]);

    for (u32 round = 0; round < rounds; round++)
        ended += play_round(round);
    /* children of those that were ended end by themselves, when it is their turn */
    for (int i = 0; i < ORPHANS_END && (xmap_usage(after), after[0] != before[0]); i++)
        pause(1);
    if (after[0] != before[0])
        failed("memory is lost", "pages", (long)(before[0] - after[0]));
    printf("hostile: %u children, %u ended by the system, %lu pages free before, %lu after\n",
           rounds * CHILDREN, ended, before[0], after[0]);
    exit(0);
}
