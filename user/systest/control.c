/* The calls of abi/xv6/control.h: services, faults and processes are shown as
 * they are, and services do as they are told, where there is somebody to tell
 * it. What a restart does to files and memory is tested from outside, as it
 * prints lines of its own. */
#include "user/systest/systest.h"

static struct service_status service;
static struct fault_status fault;
static struct process_status process;

static int find_service(const char *name)
{
    for (int n = 0; service_info(n, &service) == 0; n++) {
        if (strcmp(service.name, name) == 0)
            return n;
    }
    require(false, "the service is in the list");
    return -1;
}

static bool all_in_kernel(void)
{
    return service_info(0, &service) == 0 && service.state == SERVICE_IN_KERNEL;
}

/* ---- Lists ---- */

static void check_list(u64 number)
{
    equal(raw_call(number, (u64)-1, (u64)buffer, 0), CONTROL_EINVAL, "entry -1");
    equal(raw_call(number, 1000, (u64)buffer, 0), CONTROL_EINVAL, "entry 1000");
    equal(raw_call(number, 0x7fffffff, (u64)buffer, 0), CONTROL_EINVAL, "the highest entry");
    for (u32 i = 0; i < BAD_ADDRESSES; i++)
        equal(raw_call(number, 0, bad_addresses[i], 0), CONTROL_EINVAL, "a bad address");
    equal(raw_call(number, 0, (u64)check_list, 0), CONTROL_EINVAL, "an entry stored over a function");
}

static void lists_refuse(void)
{
    check_list(SYS_service_info);
    check_list(SYS_fault_info);
    check_list(SYS_process_info);
}

static void service_list(void)
{
    static const char *const names[] = {"xmap", "unix", "fs", "block", "console"};
    bool in_kernel = all_in_kernel();
    for (u32 i = 0; i < ARRAY_SIZE(names); i++) {
        (void)find_service(names[i]);
        require((service.state == SERVICE_IN_KERNEL) == in_kernel, "all services are placed alike");
        require(in_kernel || (service.state == SERVICE_RUNNING && service.generation > service.restarts),
                "a service runs, and each restart is a generation");
        require(in_kernel || service.policy[0] != '\0', "what happens at a death is said");
    }
}

/* Whatever is asked, a number or a verb that is none is an error, and nothing
 * happens. */
static void service_refuses(void)
{
    int fs = find_service("fs");
    equal(service_control(fs, -1, 0), CONTROL_EINVAL, "verb -1");
    equal(service_control(fs, SERVICE_VERBS, 0), CONTROL_EINVAL, "a verb that is none");
    equal(service_control(-1, SERVICE_RESTART, 0), CONTROL_EINVAL, "service -1");
    equal(service_control(1000, SERVICE_RESTART, 0), CONTROL_EINVAL, "service 1000");
    equal(service_control(fs, SERVICE_HOLD, 0), CONTROL_EINVAL, "hold for no time");
    equal(service_control(fs, SERVICE_HOLD, -1), CONTROL_EINVAL, "hold for less than no time");
    equal(service_control(fs, SERVICE_HOLD, SERVICE_HOLD_MAX + 1), CONTROL_EINVAL, "hold for too long");
    equal(service_control(find_service("unix"), SERVICE_HOLD, 100), CONTROL_EKERNEL,
          "hold of what answers this call");
    equal(service_control(fs, SERVICE_RELEASE, 0), all_in_kernel() ? CONTROL_EKERNEL : CONTROL_ESTATE,
          "release of what is not held");
    (void)find_service("fs");
    require(service.state == SERVICE_RUNNING || service.state == SERVICE_IN_KERNEL, "fs still runs");
}

/* ---- Steering ---- */

static void restart(const char *name)
{
    int n = find_service(name);
    u32 generation = service.generation;
    u32 restarts = service.restarts;
    if (service.state == SERVICE_IN_KERNEL) {
        equal(service_control(n, SERVICE_RESTART, 0), CONTROL_EKERNEL, "restart of a part of the kernel");
        return;
    }
    equal(service_control(n, SERVICE_RESTART, 0), 0, "restart");
    for (u32 i = 0; service_info(n, &service) == 0 && service.state != SERVICE_RUNNING; i++) {
        require(i < SOON, "it runs again");
        pause(1);
    }
    equal(service.generation, generation + 1, "the generation");
    equal(service.restarts, restarts + 1, "the number of restarts");
    equal(strcmp(service.last_fault, "restart asked for"), 0, "the reason is said");
}

static void service_restarts(void)
{
    char byte;
    int fd;
    make_file("before", "b", 1);
    restart("block");
    restart("console");
    make_file("after", "a", 1);
    fd = open_well("before", O_RDONLY);
    require(read(fd, &byte, 1) == 1 && byte == 'b', "what was written before is there");
    close(fd);
    require(unlink("before") == 0 && unlink("after") == 0, "files can be removed");
}

static void look_up_later(u64 unused)
{
    (void)unused;
    pause(3);
    require(!exists("nothing"), "no such file");
}

/* Callers wait, and go on when it does. The child is there before, as a fork
 * asks fs for one more reference to the directory. */
static void service_held(void)
{
    int fs = find_service("fs");
    int pid;
    if (service.state == SERVICE_IN_KERNEL) {
        equal(service_control(fs, SERVICE_HOLD, 1000), CONTROL_EKERNEL, "hold of a part of the kernel");
        return;
    }
    pid = spawn(look_up_later, 0);
    equal(service_control(fs, SERVICE_HOLD, 5000), 0, "hold");
    equal(service_control(fs, SERVICE_HOLD, 5000), CONTROL_ESTATE, "hold of what is held");
    pause(6);
    equal(service_info(fs, &service), 0, "service_info");
    equal(service.state, SERVICE_HELD, "the state");
    require(service.held_ms > 0 && service.held_ms <= 5000, "the time left is said");
    process = await(pid, PROGRAM_RUNS, PROGRAM_NO_WAIT);
    equal(service_control(fs, SERVICE_RELEASE, 0), 0, "release");
    equal(end_of(pid), 0, "the caller goes on");
    equal(service_info(fs, &service), 0, "service_info");
    equal(service.state, SERVICE_RUNNING, "the state after it");
}

/* A hold ends by itself. */
static void hold_ends(void)
{
    int block = find_service("block");
    int begin = uptime();
    if (service.state == SERVICE_IN_KERNEL)
        return;
    equal(service_control(block, SERVICE_HOLD, 500), 0, "hold");
    make_file("file", "x", 1); /* its transaction is written to the disk before this returns */
    require(uptime() - begin >= 4 && uptime() - begin < SOON, "a write waits for as long as that");
    equal(unlink("file"), 0, "unlink");
}

static int busy_until; /* in ticks */

/* Writes and reads a file again and again. */
static void write_and_compare(u64 who)
{
    const char *name = numbered("w", (u32)who);
    static char mine[3 * BLOCK];
    static char back[sizeof(mine)];
    u32 round = 0;
    do {
        int fd;
        memset(mine, (int)(who * 16 + round++), sizeof(mine));
        fd = open_well(name, O_CREATE | O_RDWR | O_TRUNC);
        equal(write(fd, mine, sizeof(mine)), sizeof(mine), "write");
        close(fd);
        fd = open_well(name, O_RDONLY);
        equal(read(fd, back, sizeof(back)), sizeof(back), "read");
        close(fd);
        equal(memcmp(mine, back, sizeof(mine)), 0, "what was read");
    } while (uptime() < busy_until);
    equal(unlink(name), 0, "unlink");
}

static void pass(u64 unused)
{
    (void)unused;
}

/* Maps, touches, shares and gives back memory again and again. */
static void map_and_compare(u64 who)
{
    do {
        volatile u64 *words;
        xmap_region_t region;
        require(xmap_reserve(8 * PAGE_SIZE, &region) == 0, "reserve");
        require(xmap_map(&region, XMAP_READ | XMAP_WRITE) == 0, "map");
        words = pointer_to(region.start);
        for (u32 i = 0; i < 8; i++)
            words[i * PAGE_SIZE / sizeof(*words)] = who + i;
        equal(fate_of(pass, 0), 0, "a child that shares the pages");
        for (u32 i = 0; i < 8; i++)
            equal((s64)words[i * PAGE_SIZE / sizeof(*words)], (s64)(who + i), "a word");
        equal(xmap_release(&region), 0, "release");
    } while (uptime() < busy_until);
}

/* The service is stopped wherever it is, many times, under four busy children;
 * `below`, if not negative, is restarted while it stands. Nobody notices. This
 * process asks for nothing that a held service would have to give. */
static void hold_often(int service_number, int below, void (*deed)(u64))
{
    bool in_kernel = all_in_kernel();
    int status;
    busy_until = uptime() + (in_kernel ? 2 : 16);
    for (u32 i = 0; i < 4; i++)
        spawn(deed, i);
    for (u32 i = 0; i < 8 && !in_kernel; i++) {
        pause(1);
        equal(service_control(service_number, SERVICE_HOLD, 5000), 0, "hold");
        if (i % 2 == 1 && below >= 0)
            equal(service_control(below, SERVICE_RESTART, 0), 0, "restart of the service below");
        pause(1);
        equal(service_control(service_number, SERVICE_RELEASE, 0), 0, "release");
    }
    for (u32 i = 0; i < 4; i++) {
        require(wait(&status) > 0, "wait");
        if (status == STATUS_SAID)
            exit(STATUS_SAID);
        equal(status, 0, "the status of a child");
    }
}

/* Also in the middle of calls to block, which is exchanged meanwhile. */
static void fs_held_often(void)
{
    int fs = find_service("fs");
    hold_often(fs, find_service("block"), write_and_compare);
}

static void xmap_held_often(void)
{
    hold_often(find_service("xmap"), -1, map_and_compare);
}

/* ---- The programs ---- */

static void become(u64 argv)
{
    char path[16];
    close(1);
    close(2);
    path[0] = '/';
    string_copy(path + 1, *(char **)argv, sizeof(path) - 1);
    exec(path, (char **)argv);
    exit(99);
}

/* 1: cannot be done; 2: wrong usage. What they print is lost. */
static void programs_refuse(void)
{
    static char *wrong[][7] = {
        {"svc", "nonsense"},
        {"svc", "hold"},
        {"svc", "list", "fs"},
        {"svc", "release", "fs", "block"},
        {"svc", "restart", "fs", "--for", "1"},
        {"svc", "hold", "fs", "--for", "0"},
        {"svc", "hold", "fs", "--for", "61"},
        {"svc", "hold", "fs", "--for", "x"},
        {"ps", "all"},
        {"fault"},
        {"fault", "arm"},
        {"fault", "arm", "fs"},
        {"fault", "arm", "fs", "crash-null", "--after"},
        {"fault", "arm", "fs", "crash-null", "--after", "x"},
        {"fault", "arm", "fs:crash-null", "@x"},
        {"fault", "disarm", "fs", "crash-null", "--after", "1"},
    };
    static char *refused[][5] = {
        {"svc", "restart", "nix"},     {"svc", "hold", "unix"},     {"svc", "release", "fs"},
        {"fault", "arm", "fs", "nix"}, {"fault", "arm", "nix:nix"}, {"fault", "disarm", "fs", "nix"},
    };
    static char *fine[][4] = {
        {"svc"}, {"svc", "list"}, {"ps"}, {"fault", "list"}, {"fault", "disarm", "fs:no-reply"}};
    for (u32 i = 0; i < ARRAY_SIZE(wrong); i++)
        equal(fate_of(become, (u64)wrong[i]), 2, "the status of wrong usage");
    for (u32 i = 0; i < ARRAY_SIZE(refused); i++)
        equal(fate_of(become, (u64)refused[i]), 1, "the status of what cannot be done");
    for (u32 i = 0; i < ARRAY_SIZE(fine); i++)
        equal(fate_of(become, (u64)fine[i]), 0, "the status of what can be done");
    if (all_in_kernel())
        equal(fate_of(become, (u64)(char *[]){"svc", "restart", "fs", NULL}), 1,
              "the status of a restart in the kernel");
}

/* ---- Faults ---- */

static void find_fault(const char *service_name, const char *name)
{
    for (int n = 0; fault_info(n, &fault) == 0; n++) {
        if (strcmp(fault.service, service_name) == 0 && strcmp(fault.name, name) == 0)
            return;
    }
    require(false, "the fault is in the list");
}

static void fault_list(void)
{
    int count = 0;
    for (int n = 0; fault_info(n, &fault) == 0; n++, count++)
        require(fault.class[0] != '\0' && fault.trigger[0] != '\0' && fault.mono[0] != '\0' &&
                    fault.micro[0] != '\0',
                "class, trigger and outcomes are said");
    require(count >= 21, "there are as many faults as there were");
    equal(fault_arm("xmap:double-map", 1000000, 1), 0, "arming");
    find_fault("xmap", "double-map");
    require(fault.left == 1000000 && fault.always == 1, "armed as told");
    equal(fault_arm("xmap:double-map", 0, 0), 0, "disarming");
    find_fault("xmap", "double-map");
    equal((s64)fault.left, 0, "arrivals left after disarming");
    equal(fault_arm("xmap:single-map", 1, 0), -1, "arming what is no fault");
    equal(fault_arm("unix:double-map", 1, 0), -1, "arming another service's fault");
}

/* ---- Processes ---- */

static void sleep_long(u64 unused)
{
    (void)unused;
    pause(10 * SOON);
}

static void read_one(u64 fd)
{
    char byte;
    read((int)fd, &byte, 1);
}

static void wait_for_sleeper(u64 unused)
{
    (void)unused;
    end_of(spawn(sleep_long, 0));
}

static void look_at(void (*deed)(u64), u64 argument, int state, int wait)
{
    int pid = spawn(deed, argument);
    process = await(pid, state, wait);
    equal(process.parent, getpid(), "the parent of a child");
    require((process.memory == 0) == (state == PROGRAM_ZOMBIE), "its memory");
    kill(pid);
    end_of(pid);
}

static void nothing(u64 unused)
{
    (void)unused;
}

static void process_list(void)
{
    int ends[2];
    u32 found = 0;
    for (int n = 0; process_info(n, &process) == 0; n++) {
        if (process.pid != getpid())
            continue;
        found++;
        equal(process.state, PROGRAM_RUNS, "the state of the caller");
        equal((s64)process.memory, (s64)sbrk(0), "the memory of the caller");
        equal(strcmp(process.name, "systest"), 0, "the name of the caller");
    }
    equal(found, 1, "the caller is in the list once");
    equal(pipe(ends), 0, "pipe");
    look_at(sleep_long, 0, PROGRAM_SLEEPS, PROGRAM_WAIT_TIME);
    look_at(read_one, (u64)ends[0], PROGRAM_SLEEPS, PROGRAM_WAIT_PIPE);
    look_at(wait_for_sleeper, 0, PROGRAM_SLEEPS, PROGRAM_WAIT_CHILD);
    look_at(nothing, 0, PROGRAM_ZOMBIE, PROGRAM_NO_WAIT);
    for (u32 i = 0; i < SOON; i++) { /* the sleeper whose parent was killed is nobody's child now */
        int orphan = 0;
        for (int n = 0; process_info(n, &process) == 0; n++) {
            if (process.pid > getpid() && process.parent == 0 && process.wait == PROGRAM_WAIT_TIME)
                orphan = process.pid;
        }
        if (orphan != 0) {
            kill(orphan);
            return;
        }
        pause(1);
    }
    require(false, "an orphan is in the list, with parent 0");
}

const struct test control_tests[] = {
    {"lists-refuse", lists_refuse, NEEDS_NOTHING},
    {"service-list", service_list, NEEDS_NOTHING},
    {"service-refuses", service_refuses, NEEDS_NOTHING},
    {"service-restarts", service_restarts, NEEDS_DISK},
    {"service-held", service_held, NEEDS_DISK},
    {"hold-ends", hold_ends, NEEDS_DISK},
    {"fs-held-often", fs_held_often, NEEDS_DISK | IS_SLOW},
    {"xmap-held-often", xmap_held_often, IS_SLOW},
    {"programs-refuse", programs_refuse, NEEDS_DISK},
    {"fault-catalogue", fault_list, NEEDS_NOTHING},
    {"process-list", process_list, NEEDS_NOTHING},
    {NULL, NULL, 0},
};
