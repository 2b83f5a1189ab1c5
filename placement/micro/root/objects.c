/* Slots, untyped memory, frames: see objects.h. */
#include "placement/micro/root/objects.h"
#include "placement/micro/root/console.h"

#define PAGE_BITS     12
#define SCRATCH       0x2000000000ul
#define PIECES_MAX    (CONFIG_MAX_NUM_BOOTINFO_UNTYPED_CAPS + 128)
#define OWN_BYTES     (256 * 1024)
#define RETYPE_MAX    256 /* objects in one call */
#define OWN_SLOTS     128
#define DEVICE_FRAMES 8

struct piece {
    u64 slot, address, bits;
    u64 used; /* bytes from the start */
    bool device;
};

static struct piece pieces[PIECES_MAX];
static u64 piece_count;
static u64 next_slot, end_slot;

struct supply root_supply;

void objects_init(const seL4_BootInfo *info)
{
    next_slot = info->empty.start;
    end_slot = info->empty.end;
    for (u64 i = 0; i < info->untyped.end - info->untyped.start; i++) {
        const seL4_UntypedDesc *d = &info->untypedList[i];

        pieces[piece_count++] =
            (struct piece){info->untyped.start + i, d->paddr, d->sizeBits, 0, d->isDevice};
    }
    supply_init(&root_supply, OWN_BYTES, OWN_SLOTS);
    tables_map(&root_supply, seL4_CapInitThreadVSpace, SCRATCH, 2 * 1024 * 1024);
}

u64 slots_take(u64 count)
{
    u64 first = next_slot;

    if (count > end_slot - next_slot)
        root_fail("out of capability slots");
    next_slot += count;
    return first;
}

static seL4_Error retype(u64 untyped, u64 type, u64 bits, u64 slot, u64 count)
{
    return seL4_Untyped_Retype(untyped, type, bits, ROOT_CNODE, 0, 0, slot, count);
}

/* The smallest piece of memory with room for an aligned 2^bits. */
static struct piece *piece_for(u64 bits)
{
    struct piece *best = NULL;

    for (u64 i = 0; i < piece_count; i++) {
        struct piece *p = &pieces[i];

        if (p->device || p->bits < bits || round_up(p->used, 1ul << bits) > (1ul << p->bits) - (1ul << bits))
            continue;
        if (!best || p->bits < best->bits)
            best = p;
    }
    return best;
}

static u64 make_piece(const struct piece *piece, u64 bits)
{
    u64 slot = slots_take(1);

    if (retype(piece->slot, seL4_UntypedObject, bits, slot, 1) != seL4_NoError)
        root_fail("untyped memory is not as described");
    return slot;
}

/* What lies before the next place aligned for 2^bits becomes pieces of their own: the kernel would not come
 * back to it. */
static void keep_gap(struct piece *piece, u64 bits)
{
    u64 end = round_up(piece->used, 1ul << bits);

    while (piece->used < end && piece_count < PIECES_MAX) {
        u64 gap = PAGE_BITS;

        while (!(piece->used >> gap & 1))
            gap++;
        pieces[piece_count] =
            (struct piece){make_piece(piece, gap), piece->address + piece->used, gap, 0, false};
        piece_count++;
        piece->used += 1ul << gap;
    }
}

static u64 take_from(struct piece *piece, u64 bits)
{
    u64 slot;

    keep_gap(piece, bits);
    slot = make_piece(piece, bits);
    piece->used = round_up(piece->used, 1ul << bits) + (1ul << bits);
    return slot;
}

u64 untyped_take(u64 bits)
{
    struct piece *piece = piece_for(bits);

    if (!piece)
        root_fail("out of memory");
    return take_from(piece, bits);
}

u64 untyped_free(void)
{
    u64 bytes = 0;

    for (u64 i = 0; i < piece_count; i++) {
        if (!pieces[i].device && pieces[i].bits >= PAGE_BITS)
            bytes += (1ul << pieces[i].bits) - pieces[i].used;
    }
    return bytes;
}

u64 untyped_take_at_most(u64 *bits)
{
    while (*bits > PAGE_BITS && !piece_for(*bits))
        (*bits)--;
    return untyped_take(*bits);
}

void supply_init(struct supply *supply, u64 bytes, u64 slots)
{
    supply->pieces = 0;
    for (u64 bits = 63; bytes > 0 && bits-- > PAGE_BITS;) {
        bool last = bits == PAGE_BITS || supply->pieces == SUPPLY_PIECES - 1;

        if (!last && bytes < 1ul << bits)
            continue;
        while (last && 1ul << bits < bytes) /* what the others have left, in one piece */
            bits++;
        supply->untyped[supply->pieces] = untyped_take(bits);
        supply->bits[supply->pieces++] = bits;
        bytes -= min_u64(bytes, 1ul << bits);
    }
    supply->first = supply->next = slots_take(slots);
    supply->end = supply->first + slots;
    supply->current = 0;
    supply->pages = 0;
    supply->known_count = 0;
}

void supply_reset(struct supply *supply)
{
    for (u64 i = 0; i < supply->pieces; i++) {
        if (seL4_CNode_Revoke(ROOT_CNODE, supply->untyped[i], ROOT_DEPTH) != seL4_NoError)
            root_fail("a server's memory cannot be revoked");
    }
    supply->next = supply->first;
    supply->current = 0;
    supply->pages = 0;
    supply->known_count = 0;
}

/* How many of [first, first + count) cannot be filled: at once if it is none. */
static u64 count_full(struct supply *supply, u64 first, u64 count)
{
    u64 full = 0;

    if (retype(supply->untyped[0], seL4_EndpointObject, 0, first, count) == seL4_NoError)
        return 0;
    for (u64 slot = first; slot < first + count; slot++)
        full += retype(supply->untyped[0], seL4_EndpointObject, 0, slot, 1) != seL4_NoError;
    return full;
}

u64 supply_lost(struct supply *supply)
{
    u64 lost = 0;

    for (u64 slot = supply->first; slot < supply->end; slot += RETYPE_MAX)
        lost += count_full(supply, slot, min_u64(supply->end - slot, RETYPE_MAX));
    supply_reset(supply);
    for (u64 i = 0; i < supply->pieces; i++)
        lost += retype(supply->untyped[i], seL4_UntypedObject, supply->bits[i], supply->first + i, 1) !=
                seL4_NoError;
    supply_reset(supply);
    return lost;
}

/* Makes them of the piece in use, as many as there is room for, and the others of later ones. What is left of
 * a piece that has no room for one more stays unused. */
static void make_some(struct supply *supply, u64 type, u64 bits, u64 slot, u64 count)
{
    if (supply->current == supply->pieces) {
        say("[sup] %lu pages were made of it\n", supply->pages);
        root_fail("a server's memory is used up");
    }
    if (retype(supply->untyped[supply->current], type, bits, slot, count) == seL4_NoError)
        return;
    if (count == 1) {
        supply->current++;
        make_some(supply, type, bits, slot, 1);
        return;
    }
    make_some(supply, type, bits, slot, count / 2);
    make_some(supply, type, bits, slot + count / 2, count - count / 2);
}

u64 supply_make(struct supply *supply, u64 type, u64 bits, u64 count)
{
    u64 slot = supply->next;

    if (count > supply->end - supply->next)
        root_fail("a server's slots are used up");
    for (u64 made = 0; made < count; made += RETYPE_MAX)
        make_some(supply, type, bits, slot + made, min_u64(count - made, RETYPE_MAX));
    supply->next += count;
    if (type == seL4_RISCV_4K_Page || type == seL4_RISCV_PageTableObject)
        supply->pages += count;
    return slot;
}

/* Cuts a piece of device memory in halves until the wanted page is one; the halves stay in the table for
 * later. */
static u64 cut_down(struct piece *piece, u64 address)
{
    while (piece->bits > PAGE_BITS) {
        u64 half = piece->bits - 1, slot = slots_take(2);

        if (piece_count + 2 > PIECES_MAX ||
            retype(piece->slot, seL4_UntypedObject, half, slot, 2) != seL4_NoError)
            return 0;
        pieces[piece_count] = (struct piece){slot, piece->address, half, 0, true};
        pieces[piece_count + 1] = (struct piece){slot + 1, piece->address + (1ul << half), half, 0, true};
        piece->used = 1ul << piece->bits;
        piece = &pieces[piece_count + (address >> half & 1)];
        piece_count += 2;
    }
    return piece->slot;
}

static u64 device_frame_new(u64 address)
{
    for (u64 i = 0; i < piece_count; i++) {
        struct piece *p = &pieces[i];
        u64 page, frame;

        if (!p->device || p->used || address < p->address || address - p->address >= 1ul << p->bits)
            continue;
        page = cut_down(p, address);
        frame = slots_take(1);
        if (!page || retype(page, seL4_RISCV_4K_Page, PAGE_BITS, frame, 1) != seL4_NoError)
            return 0;
        return frame;
    }
    return 0;
}

u64 device_frame(u64 address)
{
    static struct {
        u64 address, frame;
    } made[DEVICE_FRAMES];
    static u32 count;

    for (u32 i = 0; i < count; i++) {
        if (made[i].address == address)
            return made[i].frame;
    }
    if (count == DEVICE_FRAMES)
        return 0;
    made[count].address = address;
    made[count].frame = device_frame_new(address);
    return made[count++].frame;
}

/* The supervisor remembers which tables there are rather than let the kernel refuse and say so. */
static bool is_known(struct supply *tables, u64 key)
{
    for (u64 i = 0; i < tables->known_count; i++) {
        if (tables->known[i] == key)
            return true;
    }
    if (tables->known_count == KNOWN_MAX)
        root_fail("too many page tables in one address space");
    tables->known[tables->known_count++] = key;
    return false;
}

/* The tables above the page at `address`, of those that reach 2^lowest or more: the kernel sets each at the
 * highest level that lacks one. */
static void tables_ensure(struct supply *tables, u64 vspace, u64 address, u64 lowest)
{
    for (u64 reach = 30; reach >= lowest; reach -= 9) {
        u64 table;

        if (is_known(tables, address >> reach << reach | reach))
            continue;
        table = supply_make(tables, seL4_RISCV_PageTableObject, 0, 1);
        if (seL4_RISCV_PageTable_Map(table, vspace, address, seL4_RISCV_Default_VMAttributes) != seL4_NoError)
            root_fail("a page table cannot be mapped");
    }
}

u64 irq_handler_take(u64 irq)
{
    u64 handler = slots_take(1);

    if (seL4_IRQControl_Get(seL4_CapIRQControl, irq, ROOT_CNODE, handler, ROOT_DEPTH) != seL4_NoError)
        root_fail("an interrupt is not to be had");
    return handler;
}

void page_map(struct supply *tables, u64 vspace, u64 frame, u64 address, seL4_CapRights_t rights,
              bool executable)
{
    seL4_Word attributes = executable ? seL4_RISCV_Default_VMAttributes : seL4_RISCV_ExecuteNever;

    tables_ensure(tables, vspace, address, 21);
    if (seL4_RISCV_Page_Map(frame, vspace, address, rights, attributes) != seL4_NoError)
        root_fail("a page cannot be mapped");
}

void large_page_map(struct supply *tables, u64 vspace, u64 frame, u64 address)
{
    tables_ensure(tables, vspace, address, 30);
    if (seL4_RISCV_Page_Map(frame, vspace, address, seL4_ReadWrite, seL4_RISCV_ExecuteNever) != seL4_NoError)
        root_fail("a large page cannot be mapped");
}

void tables_map(struct supply *tables, u64 vspace, u64 address, u64 size)
{
    for (u64 at = address; at < address + size; at += 1ul << 21)
        tables_ensure(tables, vspace, at, 21);
}

void *scratch_map(u64 frame)
{
    seL4_RISCV_Page_Unmap(frame);
    page_map(&root_supply, seL4_CapInitThreadVSpace, frame, SCRATCH, seL4_ReadWrite, false);
    return (void *)SCRATCH;
}

void scratch_unmap(u64 frame)
{
    seL4_RISCV_Page_Unmap(frame);
}

void cap_copy(u64 cnode, u64 slot, u64 radix, u64 source, seL4_CapRights_t rights)
{
    if (seL4_CNode_Copy(cnode, slot, (seL4_Uint8)radix, ROOT_CNODE, source, ROOT_DEPTH, rights) !=
        seL4_NoError)
        root_fail("a capability cannot be copied");
}

void cap_mint(u64 cnode, u64 slot, u64 radix, u64 source, seL4_CapRights_t rights, u64 data)
{
    if (seL4_CNode_Mint(cnode, slot, (seL4_Uint8)radix, ROOT_CNODE, source, ROOT_DEPTH, rights, data) !=
        seL4_NoError)
        root_fail("a capability cannot be minted");
}
