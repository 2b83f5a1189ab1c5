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

void server_main(void)
{
    enum err err = server_info()->generation == 1 ? ERR_OK : fs_forget_all();

    if (err == ERR_PEER_RESTARTED)
        err = fs_forget_all();
    if (err == ERR_OK)
        err = unix_start();
    server_ask(SUPERVISOR_READY, 1, err, 0, 0);
    if (err != ERR_OK)
        port_fatal("unix: does not start");
    for (;;)
        server_pause(); /* thread 0 has nothing more to do */
}
