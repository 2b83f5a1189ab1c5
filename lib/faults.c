/*
 * The counters of named faults. The contract is in faults.h.
 *
 * A counter lives in kept memory, which starts zeroed: that is "not armed", and nothing needs to be set up.
 * `left` is the word the arriving threads compete for; the others are only read and written beside it.
 */
#include "lib/faults.h"
#include "lib/string.h"
#include "lib/words.h"

void fault_counter_arm(struct fault_counter *counter, u64 n, bool always)
{
    /* Disarmed while `always` changes, so that no later arrival sees one word new and the other old. An
     * arrival that runs beside this call may count for either arming. */
    __atomic_store_n(&counter->left, 0, __ATOMIC_SEQ_CST);
    __atomic_store_n(&counter->always, always, __ATOMIC_SEQ_CST);
    __atomic_store_n(&counter->left, n, __ATOMIC_SEQ_CST);
}

bool fault_counter_fires(struct fault_counter *counter)
{
    u64 left = __atomic_load_n(&counter->left, __ATOMIC_RELAXED);
    for (;;) {
        if (left == 0)
            return false;
        /* The last arrival before the end stays at 1 for ever if the fault is to go on. */
        u64 next = left == 1 && __atomic_load_n(&counter->always, __ATOMIC_SEQ_CST) ? 1 : left - 1;
        if (__atomic_compare_exchange_n(&counter->left, &left, next, false, __ATOMIC_SEQ_CST,
                                        __ATOMIC_RELAXED))
            break;
    }
    if (left != 1)
        return false;
    __atomic_fetch_add(&counter->fired, 1, __ATOMIC_RELAXED);
    return true;
}

/* The length of the name at the start of `text`, up to `end` or the end of the text; 0 if it does not fit. */
static u64 name_length(const char *text, char end)
{
    u64 length = 0;
    while (text[length] != '\0' && text[length] != end)
        if (++length >= FAULT_TEXT_MAX)
            return 0;
    return length;
}

bool fault_text_parse(const char *text, char *service, char *name, u64 *n, bool *always)
{
    u64 service_length = name_length(text, ':');
    if (service_length == 0 || text[service_length] != ':')
        return false;
    const char *name_text = text + service_length + 1;
    u64 length = name_length(name_text, '@');
    if (length == 0)
        return false;

    const char *rest = name_text + length;
    u64 count = 1;
    bool on = false;
    if (*rest == '@') {
        rest = words_digits(rest + 1, &count);
        if (!rest)
            return false;
        if (*rest == '+') {
            on = true;
            rest++;
        }
        if (*rest != '\0')
            return false;
    }
    memcpy(service, text, service_length);
    service[service_length] = '\0';
    memcpy(name, name_text, length);
    name[length] = '\0';
    *n = count;
    *always = on;
    return true;
}
