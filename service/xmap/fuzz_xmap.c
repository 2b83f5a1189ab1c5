/*
 * libFuzzer's door to the player of test_model.c: the first byte chooses what may go wrong, the rest are
 * operations.
 */
#include "placement/host/host.h"
#include "service/xmap/test_model.h"

int LLVMFuzzerTestOneInput(const u8 *bytes, size_t length);

int LLVMFuzzerTestOneInput(const u8 *bytes, size_t length)
{
    if (length == 0)
        return 0;
    struct model_options options = {
        .frames = bytes[0] & 1 ? 48 : 400,
        .deaths = (bytes[0] & 2) != 0,
        .failures = (bytes[0] & 4) != 0,
    };
    host_log_quiet = true;
    model_play(&options, bytes + 1, length - 1);
    return 0;
}
