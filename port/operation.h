/*
 * How a service's operations are described: once, in port/SERVICE.def, one line each.
 *
 *     OPERATION(service, name, in, out, (parameters))
 *
 * `in` parameters of type u64 come first, then `out` of type u64 *. At most 6 in and 3 out. From that line
 * come the prototype (port/SERVICE.h), the number, and on micro the client stub and the server's dispatch; on
 * mono the call is a plain function call into the core. Every operation returns an enum err; out values are
 * written only on OK. With a remote placement any operation may return ERR_PEER_RESTARTED: the service died
 * during this request, and whether the request took effect is unknown unless the operation says so. Or
 * ERR_ABSENT: the service was given up; a request that was under way then may have taken effect, later ones
 * have not.
 *
 * Includers define OPERATION, include the .def and undefine it. Two uses are ready made:
 */
#ifndef PORT_OPERATION_H
#define PORT_OPERATION_H

#include "lib/err.h"
#include "lib/types.h"

#define OPERATION_PROTOTYPE(service, name, in, out, parameters) enum err service##_##name parameters;
#define OPERATION_NUMBER(service, name, in, out, parameters)    OP_##service##_##name,

#define OPERATION_IN_MAX  6
#define OPERATION_OUT_MAX 3

#endif
