/* Error texts. */
#include "lib/err.h"

static const char *const texts[] = {
#define E(name, text) [ERR_##name] = (text),
    ERR_LIST(E)
#undef E
};

const char *err_text(enum err err)
{
    if ((u32)err >= ARRAY_SIZE(texts))
        return "unknown error";
    return texts[err];
}
