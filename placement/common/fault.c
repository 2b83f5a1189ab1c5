/*
 * Port fault: the same for every placement; what differs is where the counters live
 * (placement/common/fault.h).
 */
#include "placement/common/fault.h"
#include "lib/string.h"

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

static struct fault_counter *counters; /* the placement's, asked for once */

static __attribute__((noinline)) bool fires_slowly(enum port_fault fault)
{
    counters = placement_fault_counters();
    return fault_counter_fires(&counters[fault]);
}

/* Asked several times in every operation: no frame, and one load that matters, while nothing is armed. */
__attribute__((optimize("omit-frame-pointer"))) bool port_fault_any(void)
{
    return __atomic_load_n(placement_fault_armed(), __ATOMIC_RELAXED) != 0;
}

bool port_fault_fires(enum port_fault fault)
{
    if (counters && __atomic_load_n(&counters[fault].left, __ATOMIC_RELAXED) == 0)
        return false;
    return fires_slowly(fault);
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
