/*
 * From one line of port/SERVICE.def to the client's stub and to the server's entry.
 *
 * A shape is a number of ins and a number of outs. All that port/operation.h allows are there; a line with more of
 * either does not compile: the message names PARAMETERS_in_out, which does not exist.
 */
#ifndef PLACEMENT_MICRO_SERVER_OPERATIONS_H
#define PLACEMENT_MICRO_SERVER_OPERATIONS_H

#include "placement/micro/server/runtime.h"

/* Parameters and initial words, by the number of in values; out parameters and their stores, by the number of
 * outs. */
#define P_1 u64 a
#define P_2 u64 a, u64 b
#define P_3 u64 a, u64 b, u64 c
#define P_4 u64 a, u64 b, u64 c, u64 d
#define P_5 u64 a, u64 b, u64 c, u64 d, u64 e
#define P_6 u64 a, u64 b, u64 c, u64 d, u64 e, u64 f
#define W_0 0
#define W_1 a
#define W_2 a, b
#define W_3 a, b, c
#define W_4 a, b, c, d
#define W_5 a, b, c, d, e
#define W_6 a, b, c, d, e, f
#define R_1 u64 *x
#define R_2 u64 *x, u64 *y
#define R_3 u64 *x, u64 *y, u64 *z
#define STORE_0
#define STORE_1 *x = w[0];
#define STORE_2 STORE_1 *y = w[1];
#define STORE_3 STORE_2 *z = w[2];

#define PARAMETERS_0_0 (void)
#define PARAMETERS_0_1 (R_1)
#define PARAMETERS_0_2 (R_2)
#define PARAMETERS_0_3 (R_3)
#define PARAMETERS_1_0 (P_1)
#define PARAMETERS_1_1 (P_1, R_1)
#define PARAMETERS_1_2 (P_1, R_2)
#define PARAMETERS_1_3 (P_1, R_3)
#define PARAMETERS_2_0 (P_2)
#define PARAMETERS_2_1 (P_2, R_1)
#define PARAMETERS_2_2 (P_2, R_2)
#define PARAMETERS_2_3 (P_2, R_3)
#define PARAMETERS_3_0 (P_3)
#define PARAMETERS_3_1 (P_3, R_1)
#define PARAMETERS_3_2 (P_3, R_2)
#define PARAMETERS_3_3 (P_3, R_3)
#define PARAMETERS_4_0 (P_4)
#define PARAMETERS_4_1 (P_4, R_1)
#define PARAMETERS_4_2 (P_4, R_2)
#define PARAMETERS_4_3 (P_4, R_3)
#define PARAMETERS_5_0 (P_5)
#define PARAMETERS_5_1 (P_5, R_1)
#define PARAMETERS_5_2 (P_5, R_2)
#define PARAMETERS_5_3 (P_5, R_3)
#define PARAMETERS_6_0 (P_6)
#define PARAMETERS_6_1 (P_6, R_1)
#define PARAMETERS_6_2 (P_6, R_2)
#define PARAMETERS_6_3 (P_6, R_3)

#define I_1 w[0]
#define I_2 w[0], w[1]
#define I_3 w[0], w[1], w[2]
#define I_4 w[0], w[1], w[2], w[3]
#define I_5 w[0], w[1], w[2], w[3], w[4]
#define I_6 w[0], w[1], w[2], w[3], w[4], w[5]
#define O_1 &w[0]
#define O_2 &w[0], &w[1]
#define O_3 &w[0], &w[1], &w[2]

#define ARGUMENTS_0_0 ()
#define ARGUMENTS_0_1 (O_1)
#define ARGUMENTS_0_2 (O_2)
#define ARGUMENTS_0_3 (O_3)
#define ARGUMENTS_1_0 (I_1)
#define ARGUMENTS_1_1 (I_1, O_1)
#define ARGUMENTS_1_2 (I_1, O_2)
#define ARGUMENTS_1_3 (I_1, O_3)
#define ARGUMENTS_2_0 (I_2)
#define ARGUMENTS_2_1 (I_2, O_1)
#define ARGUMENTS_2_2 (I_2, O_2)
#define ARGUMENTS_2_3 (I_2, O_3)
#define ARGUMENTS_3_0 (I_3)
#define ARGUMENTS_3_1 (I_3, O_1)
#define ARGUMENTS_3_2 (I_3, O_2)
#define ARGUMENTS_3_3 (I_3, O_3)
#define ARGUMENTS_4_0 (I_4)
#define ARGUMENTS_4_1 (I_4, O_1)
#define ARGUMENTS_4_2 (I_4, O_2)
#define ARGUMENTS_4_3 (I_4, O_3)
#define ARGUMENTS_5_0 (I_5)
#define ARGUMENTS_5_1 (I_5, O_1)
#define ARGUMENTS_5_2 (I_5, O_2)
#define ARGUMENTS_5_3 (I_5, O_3)
#define ARGUMENTS_6_0 (I_6)
#define ARGUMENTS_6_1 (I_6, O_1)
#define ARGUMENTS_6_2 (I_6, O_2)
#define ARGUMENTS_6_3 (I_6, O_3)

/* The client's side: a function of the operation's own name. */
#define OPERATION_STUB(service, name, in, out, parameters)                                                   \
    enum err service##_##name PARAMETERS_##in##_##out                                                        \
    {                                                                                                        \
        u64 w[OPERATION_IN_MAX] = {W_##in};                                                                  \
        enum err err = service_call(SERVICE_OF_##service, OP_##service##_##name, w, in);                     \
                                                                                                             \
        if (err == ERR_OK) {                                                                                 \
            STORE_##out                                                                                      \
        }                                                                                                    \
        return err;                                                                                          \
    }

/* The server's side: a function on words, and tables of those functions and of the answers' lengths. */
#define OPERATION_ENTRY(service, name, in, out, parameters)                                                  \
    static enum err enter_##service##_##name(u64 *w)                                                         \
    {                                                                                                        \
        (void)w;                                                                                             \
        return service##_##name ARGUMENTS_##in##_##out;                                                      \
    }
#define OPERATION_IN_TABLE(service, name, in, out, parameters)  enter_##service##_##name,
#define OPERATION_OUT_TABLE(service, name, in, out, parameters) out,

#endif
