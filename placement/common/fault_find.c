/* Faults by their names, for programs, boot arguments and the supervisor; what arming means is the
 * placement's. */
#include "lib/string.h"
#include "placement/common/fault.h"

static const struct {
    const char *service, *name;
} catalogue[] = {
#define FAULT(service_, id, name_, class, trigger, mono, micro) {#service_, name_},
#include "port/fault.def"
#undef FAULT
};

static bool same_service(const char *upper, const char *given)
{
    for (; *upper && *given; upper++, given++) {
        if ((*upper | 0x20) != *given)
            return false;
    }
    return *upper == *given;
}

enum err port_fault_find(const char *service, const char *name, enum port_fault *fault)
{
    for (u32 i = 0; i < FAULT_COUNT; i++) {
        if (same_service(catalogue[i].service, service) && strcmp(catalogue[i].name, name) == 0) {
            *fault = (enum port_fault)i;
            return ERR_OK;
        }
    }
    return ERR_NOT_FOUND;
}

bool placement_fault_arm_text(const char *text)
{
    char service[FAULT_TEXT_MAX], name[FAULT_TEXT_MAX];
    enum port_fault fault;
    u64 n;
    bool always;

    if (!fault_text_parse(text, service, name, &n, &always))
        return false;
    return port_fault_find(service, name, &fault) == ERR_OK && port_fault_arm(fault, n, always) == ERR_OK;
}
