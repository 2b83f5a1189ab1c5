/*
 * The unix server: the core runs on the threads it starts for its processes; nobody calls it but programs, by
 * traps. Its calls to xmap, fs and console go out as messages through the stubs below.
 */
#include "placement/micro/server/operations.h"
#include "port/console.h"
#include "port/fs.h"
#include "port/log.h"
#include "port/unix.h"
#include "port/xmap.h"

#define OPERATION OPERATION_STUB
#include "port/console.def"
#include "port/fs.def"
#include "port/xmap.def"
#undef OPERATION

/* So many deaths of fs in a row are not taken for ours; one more, and another generation tries. */
#define FORGET_TRIES 4u

/* Whoever dies in it is not this service. An error that is no death tells of inodes that fs frees at its next
 * start (port/fs.def): all is given back, and a session can begin. */
static enum err forget_former_session(void)
{
    enum err err = fs_forget_all();

    for (u32 try = 1; err == ERR_PEER_RESTARTED && try < FORGET_TRIES; try++)
        err = fs_forget_all();
    if (err == ERR_OK || err == ERR_PEER_RESTARTED)
        return err;
    port_log("unix: files that the former session had open and without a name are not freed yet: %s\n",
             err_text(err));
    return ERR_OK;
}

void server_main(void)
{
    enum err err = server_info()->generation == 1 ? ERR_OK : forget_former_session();

    if (err == ERR_OK)
        err = unix_start();
    server_ask(SUPERVISOR_READY, 1, err, 0, 0);
    if (err != ERR_OK)
        port_fatal("unix: does not start");
    for (;;)
        server_pause(); /* thread 0 has nothing more to do */
}
