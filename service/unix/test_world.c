/* The world of the unix core's tests; see test_world.h. */
#include "service/unix/test_world.h"
#include "lib/elf.h"
#include "placement/host/vspace.h"
#include "port/console.h"
#include "port/fs.h"
#include "port/unix.h"
#include "port/xmap.h"
#include "service/console/test_uart.h"
#include <errno.h>
#include <pthread.h>
#include <sys/wait.h>

#define ENTRY(i) (0x100ul + 0x10 * (i))
#define FRAMES   3000u

char world_output[1 << 16];
u32 world_frames;

static int over_code = -1;

_Noreturn void world_failed(const char *file, int at, const char *condition, s64 a0)
{
    u64 length;

    fprintf(stderr, "%s:%d: %s (a0 is %ld)\nconsole: %s\n", file, at, condition, (long)a0,
            test_uart_sent(&length));
    _exit(98);
}

static void power_off(u32 code)
{
    __atomic_store_n(&over_code, (int)code, __ATOMIC_SEQ_CST);
    pthread_exit(NULL);
}

static void write_program(const char *path, u64 entry)
{
    static u8 file[sizeof(struct elf_header) + 2 * sizeof(struct elf_program_header) + 2 * PAGE_SIZE];
    struct elf_header header = {.magic = ELF_MAGIC, .entry = entry, .phoff = sizeof(header), .phnum = 2};
    u64 offset = sizeof(header) + 2 * sizeof(struct elf_program_header);
    struct elf_program_header segments[2] = {
        {.type = ELF_SEGMENT_LOAD,
         .flags = 5,
         .offset = offset,
         .vaddr = AT_TEXT,
         .filesz = 4096,
         .memsz = 4096},
        {.type = ELF_SEGMENT_LOAD,
         .flags = 6,
         .offset = offset + PAGE_SIZE,
         .vaddr = AT_DATA,
         .filesz = 4096,
         .memsz = 8000},
    };
    FILE *out = fopen(path, "wb");

    memset(file, 0x5a, sizeof(file));
    memcpy(file, &header, sizeof(header));
    memcpy(file + sizeof(header), segments, sizeof(segments));
    if (out == NULL || fwrite(file, sizeof(file), 1, out) != 1 || fclose(out) != 0)
        abort();
}

static void make_disk(const char *folder, const struct world_program *programs, u32 count)
{
    char command[8192];
    int length = snprintf(command, sizeof(command), "%s %s/disk", getenv("MKFS"), folder);

    for (u32 i = 0; i < count; i++) {
        char path[300];

        snprintf(path, sizeof(path), "%s/%u", folder, i);
        write_program(path, ENTRY(i));
        length += snprintf(command + length, sizeof(command) - (u64)length, " %s=%s", programs[i].name, path);
    }
    snprintf(command + length, sizeof(command) - (u64)length, " >/dev/null");
    if (system(command) != 0)
        abort();
}

static void boot(const struct world_program *programs, u32 count)
{
    static char arguments[64];
    char folder[] = "/tmp/test_unix_XXXXXX";
    char text[300];

    if (mkdtemp(folder) == NULL)
        abort();
    make_disk(folder, programs, count);
    host_reset();
    host_log_quiet = true;
    host_on_power_off = power_off;
    host_vspace_reset(world_frames != 0 ? world_frames : FRAMES);
    snprintf(text, sizeof(text), "%s/disk", folder);
    if (!host_disk_load(text))
        abort();
    snprintf(text, sizeof(text), "rm -rf %s", folder);
    if (system(text) != 0)
        abort();
    host_scripts_reset();
    for (u32 i = 0; i < count; i++)
        host_script_set(ENTRY(i), programs[i].script);
    snprintf(arguments, sizeof(arguments), "run=%s", programs[0].name);
    host_boot_arguments = arguments;
    host_arena_set(512);
    if (fs_start() != ERR_OK || xmap_start() != ERR_OK || cons_start() != ERR_OK || unix_start() != ERR_OK) {
        fprintf(stderr, "a service does not start: %s\n", host_log_text);
        _exit(97);
    }
}

/* "?PROMPT:TEXT" is typed once the console has sent PROMPT. */
static void type_later(const char *typed)
{
    char prompt[32];

    if (typed[0] == '?') {
        snprintf(prompt, sizeof(prompt), "%.*s", (int)strcspn(typed + 1, ":"), typed + 1);
        (void)test_uart_wait_for(prompt);
        typed = strchr(typed, ':') + 1;
    }
    test_uart_type_text(typed);
}

/* In a child process, so that threads and memory of one run are gone with it. */
int world_run(const struct world_program *programs, u32 count, const char *typed)
{
    int output[2];
    int status;
    u64 used = 0;
    pid_t child;

    if (pipe(output) != 0 || (child = fork()) < 0)
        abort();
    if (child == 0) {
        const char *sent;
        u64 length;

        close(output[0]);
        alarm(60);
        boot(programs, count);
        type_later(typed);
        for (u32 i = 0; i < 60000 && __atomic_load_n(&over_code, __ATOMIC_SEQ_CST) < 0; i++)
            usleep(500);
        sent = test_uart_sent(&length);
        if (write(output[1], sent, length) != (ssize_t)length)
            _exit(96);
        _exit(over_code);
    }
    close(output[1]);
    for (ssize_t n; (n = read(output[0], world_output + used, sizeof(world_output) - 1 - used)) > 0;)
        used += (u64)n;
    world_output[used] = '\0';
    close(output[0]);
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 99;
}
