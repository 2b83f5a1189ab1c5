/* The line discipline; see line.h for what each function promises. */
#include "service/console/line.h"

#define KEY_EOF       4u  /* ^D */
#define KEY_BACKSPACE 8u  /* ^H */
#define KEY_ATTENTION 16u /* ^P */
#define KEY_KILL_LINE 21u /* ^U */
#define KEY_DELETE    0x7fu

void cons_line_init(struct cons_line *line)
{
    line->taken = 0;
    line->delivered = 0;
    line->end = 0;
}

static struct cons_line_action action_of(enum cons_line_deed deed, u8 byte, u64 count)
{
    return (struct cons_line_action){
        .deed = count == 0 ? CONS_LINE_NOTHING : deed, .byte = byte, .count = (u32)count};
}

struct cons_line_action cons_line_decide(const struct cons_line *line, u8 byte)
{
    u64 editable = line->end - line->delivered;

    switch (byte) {
    case 0:
        return action_of(CONS_LINE_NOTHING, 0, 0);
    case KEY_ATTENTION:
        return action_of(CONS_LINE_ATTENTION, byte, 1);
    case KEY_KILL_LINE:
        return action_of(CONS_LINE_ERASE, byte, editable);
    case KEY_BACKSPACE:
    case KEY_DELETE:
        return action_of(CONS_LINE_ERASE, byte, min_u64(editable, 1));
    default:
        return action_of(CONS_LINE_STORE, byte == '\r' ? '\n' : byte,
                         line->end - line->taken < CONS_LINE_SIZE ? 1 : 0);
    }
}

bool cons_line_apply(struct cons_line *line, struct cons_line_action action)
{
    if (action.deed == CONS_LINE_ERASE)
        line->end -= action.count;
    if (action.deed != CONS_LINE_STORE)
        return false;
    line->bytes[line->end % CONS_LINE_SIZE] = action.byte;
    line->end++;
    if (action.byte != '\n' && action.byte != KEY_EOF && line->end - line->taken < CONS_LINE_SIZE)
        return false;
    line->delivered = line->end;
    return true;
}

bool cons_line_take(struct cons_line *line, u8 *to, u64 length, u64 *done)
{
    while (*done < length && line->taken < line->delivered) {
        u8 byte = line->bytes[line->taken % CONS_LINE_SIZE];

        if (byte == KEY_EOF) {
            if (*done == 0)
                line->taken++;
            return true;
        }
        line->taken++;
        to[(*done)++] = byte;
        if (byte == '\n')
            return true;
    }
    return *done == length;
}
