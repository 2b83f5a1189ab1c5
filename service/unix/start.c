/*
 * The beginning: tables, process 1, and the thread that answers ^P.
 *
 * Process 1 is /init without descriptors, or the program of the boot argument run=PROGRAM with the console as
 * its descriptors 0, 1, 2: the latter needs no inode, so it works where no disk is.
 */
#include "lib/string.h"
#include "port/console.h"
#include "port/fs.h"
#include "port/log.h"
#include "port/request.h"
#include "port/system.h"
#include "port/thread.h"
#include "port/unix.h"
#include "service/unix/exec.h"
#include "service/unix/file.h"

/* For a program a disk that fails, or a service that has died twice in one request, is an error; here it
 * would be the end of all, blamed on a service that has done nothing. None of the calls below has changed
 * anything when it has failed. */
#define START_TRIES 3u
#define try_at_start(call, what)                                                                             \
    ({                                                                                                       \
        enum err last_ = (call);                                                                             \
        for (u32 try_ = 1; may_pass(last_) && try_ < START_TRIES; try_++) {                                  \
            port_log("unix: %s: %s, try %u of %u\n", what, err_text(last_), try_, START_TRIES);              \
            last_ = (call);                                                                                  \
        }                                                                                                    \
        last_;                                                                                               \
    })

static bool may_pass(enum err err)
{
    return err == ERR_DEVICE || err == ERR_PEER_RESTARTED;
}

static void attention_thread(void *unused)
{
    enum err err;

    (void)unused;
    do {
        err = cons_attention();
        if (err == ERR_OK)
            unix_process_list();
        else
            port_request_again();
    } while (err == ERR_OK || err == ERR_PEER_RESTARTED);
    port_thread_exit();
}

static void open_console(struct process *process)
{
    u32 number = unix_file_new();
    struct file *file;

    port_assert(number != NO_FILE, "no file for process 1");
    file = unix_file(number);
    file->kind = FILE_DEVICE;
    file->major = CONSOLE_MAJOR;
    file->readable = true;
    file->writable = true;
    for (u32 i = 0; i < 3; i++) {
        (void)unix_descriptor_add(process, number);
        if (i > 0)
            unix_file_share(number);
    }
}

/* It begins with an empty space, and exec gives it another. */
static enum err begin(struct process *process, const char *path)
{
    struct arguments arguments = {.count = 1, .text = path};
    enum err err;

    arguments.length[0] = (u16)strlen(path);
    process->cwd = FS_ROOT;
    err = try_at_start(unix_inode_get(FS_ROOT), "the root");
    if (err != ERR_OK)
        return err;
    err = try_at_start(unix_space_create(&process->memory.space), "a space");
    if (err != ERR_OK)
        return err;
    err = port_program_create(unix_process_number(process), process->memory.space);
    if (err != ERR_OK)
        return err;
    if (unix_table.run_mode)
        open_console(process);
    err = try_at_start(unix_exec(process, path, &arguments), path);
    return err == ERR_OK ? unix_process_begin(process) : err;
}

enum err unix_start(void)
{
    char program[MAXPATH];
    struct process *process;
    enum err err;

    unix_process_init();
    unix_file_init();
    unix_inode_init();
    unix_pipe_init();
    unix_space_init();
    unix_table.run_mode = port_boot_argument("run", program, sizeof(program));
    if (!unix_table.run_mode)
        (void)string_copy(program, "/init", sizeof(program));
    process = unix_process_new(program, NO_PROCESS);
    err = process != NULL ? begin(process, program) : ERR_NO_SLOT;
    if (err != ERR_OK) {
        port_log("unix: cannot run %s: %s\n", program, err_text(err));
        if (unix_table.run_mode)
            port_power_off(EXIT_TEST_FAILED);
        return err;
    }
    err = port_thread_start("attention", attention_thread, NULL);
    if (err != ERR_OK)
        port_log("unix: no thread for ^P: %s\n", err_text(err));
    return ERR_OK;
}
