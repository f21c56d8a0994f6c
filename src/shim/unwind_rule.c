#include "shim/unwind_rule.h"

#include "base/compiler.h"
#include "shim/unwind_reader.h"

#include <string.h>

#if defined(__x86_64__)
enum { REGISTER_FP = 6, REGISTER_SP = 7, REGISTER_RA = 16 };
#else
enum { REGISTER_FP = 29, REGISTER_SP = 31, REGISTER_RA = 30 };
#endif

enum { STATES_MAX = 8 };

/* A common information entry: what several functions share. */
struct common {
    uint64_t code_align;
    int64_t data_align;
    uint8_t pointer_encoding;
    bool has_augmentation, is_signal_frame;
    struct unwind_reader instructions;
};

/* The registers that matter, at one instruction. */
struct state {
    struct unwind_rule rule;
    int64_t ra_offset;
    bool is_ra_undefined, is_bad;
};

struct run {
    const struct common *common;
    struct state now, initial, remembered[STATES_MAX];
    size_t remembered_count;
    uintptr_t at, target;
};

static void augmentation_read(struct unwind_reader *reader, const char *letters, struct common *out)
{
    out->has_augmentation = *letters == 'z';
    if (!out->has_augmentation) {
        reader->is_bad |= *letters != '\0';
        return;
    }
    uint64_t len = unwind_read_uleb(reader);
    struct unwind_reader own = unwind_read_part(reader, len);
    for (letters++; *letters && !own.is_bad; letters++) {
        if (*letters == 'R')
            out->pointer_encoding = (uint8_t)unwind_read_number(&own, 1);
        else if (*letters == 'P')
            unwind_skip_pointer(&own, (uint8_t)unwind_read_number(&own, 1));
        else if (*letters == 'L')
            unwind_read_number(&own, 1);
        else if (*letters == 'S')
            out->is_signal_frame = true;
    }
    reader->is_bad |= own.is_bad;
}

static bool common_read(struct unwind_reader reader, struct common *out)
{
    *out = (struct common){.code_align = 0};
    struct unwind_reader entry = unwind_read_part(&reader, unwind_read_number(&reader, 4));
    uint64_t id = unwind_read_number(&entry, 4), version = unwind_read_number(&entry, 1);
    const char *letters = unwind_read_string(&entry);
    if (entry.is_bad || id != 0 || (version != 1 && version != 3))
        return false;
    out->code_align = unwind_read_uleb(&entry);
    out->data_align = unwind_read_sleb(&entry);
    uint64_t return_register = version == 1 ? unwind_read_number(&entry, 1) : unwind_read_uleb(&entry);
    augmentation_read(&entry, letters, out);
    out->instructions = entry;
    return !entry.is_bad && return_register == REGISTER_RA;
}

/* ---- instructions ---- */

static void cfa_set(struct state *state, uint64_t reg, int64_t offset)
{
    state->rule.kind = reg == REGISTER_SP ? UNWIND_BY_SP : reg == REGISTER_FP ? UNWIND_BY_FP : UNWIND_UNKNOWN;
    state->rule.cfa_offset = (int32_t)offset;
}

static void register_saved(struct state *state, uint64_t reg, int64_t offset)
{
    if (reg == REGISTER_FP) {
        state->rule.fp = UNWIND_FP_BY_CFA;
        state->rule.fp_offset = (int16_t)offset;
        state->is_bad |= state->rule.fp_offset != offset;
    } else if (reg == REGISTER_RA) {
        state->ra_offset = offset;
        state->is_ra_undefined = false;
    }
}

static void register_restored(struct run *run, uint64_t reg)
{
    if (reg == REGISTER_FP) {
        run->now.rule.fp = run->initial.rule.fp;
        run->now.rule.fp_offset = run->initial.rule.fp_offset;
    } else if (reg == REGISTER_RA) {
        run->now.ra_offset = run->initial.ra_offset;
        run->now.is_ra_undefined = run->initial.is_ra_undefined;
    }
}

/* What is not understood matters only if it is about these. */
static void register_strange(struct state *state, uint64_t reg)
{
    state->is_bad |= reg == REGISTER_FP || reg == REGISTER_RA;
}

/* The frame pointer + a number, and what is there if @out_is_memory; nothing else is understood. */
static bool expression_read(struct unwind_reader *reader, int64_t *offset, bool *out_is_memory)
{
    enum { DW_OP_BREG0 = 0x70, DW_OP_DEREF = 0x06 };
    struct unwind_reader own = unwind_read_part(reader, unwind_read_uleb(reader));
    bool is_by_fp = unwind_read_number(&own, 1) == DW_OP_BREG0 + REGISTER_FP;
    *offset = unwind_read_sleb(&own);
    *out_is_memory = own.at < own.end && unwind_read_number(&own, 1) == DW_OP_DEREF;
    return is_by_fp && !own.is_bad && own.at == own.end;
}

static void cfa_by_expression(struct state *state, struct unwind_reader *reader)
{
    int64_t offset;
    bool is_memory;
    bool is_known = expression_read(reader, &offset, &is_memory);
    state->rule.kind = !is_known ? UNWIND_UNKNOWN : is_memory ? UNWIND_BY_MEMORY : UNWIND_BY_FP;
    state->rule.cfa_offset = (int32_t)offset;
}

static void register_by_expression(struct state *state, struct unwind_reader *reader)
{
    uint64_t reg = unwind_read_uleb(reader);
    int64_t offset;
    bool is_memory;
    if (expression_read(reader, &offset, &is_memory) && !is_memory && reg == REGISTER_FP) {
        state->rule.fp = UNWIND_FP_BY_FP;
        state->rule.fp_offset = (int16_t)offset;
    } else {
        register_strange(state, reg);
    }
}

static void remember(struct run *run)
{
    if (run->remembered_count < STATES_MAX)
        run->remembered[run->remembered_count++] = run->now;
    else
        run->now.is_bad = true;
}

static void recall(struct run *run)
{
    if (run->remembered_count)
        run->now = run->remembered[--run->remembered_count];
    else
        run->now.is_bad = true;
}

/* Those without an operand in the byte itself. */
static void extended_do(struct run *run, unsigned code, struct unwind_reader *reader)
{
    struct state *state = &run->now;
    int64_t data_align = run->common->data_align;
    uint64_t reg;
    switch (code) {
    case 0x00: /* nop */
    case 0x2d: /* aarch64: the return address is signed from here on */
        break;
    case 0x02: case 0x03: case 0x04: /* advance_loc1, 2, 4 */
        run->at += unwind_read_number(reader, 1u << (code - 2)) * run->common->code_align;
        break;
    case 0x05: /* offset_extended */
        reg = unwind_read_uleb(reader);
        register_saved(state, reg, (int64_t)unwind_read_uleb(reader) * data_align);
        break;
    case 0x06: /* restore_extended */
        register_restored(run, unwind_read_uleb(reader));
        break;
    case 0x07: /* undefined */
        reg = unwind_read_uleb(reader);
        state->is_ra_undefined |= reg == REGISTER_RA;
        break;
    case 0x08: /* same_value */
        if (unwind_read_uleb(reader) == REGISTER_FP)
            state->rule.fp = UNWIND_FP_KEPT;
        break;
    case 0x09: /* register */
        register_strange(state, unwind_read_uleb(reader));
        unwind_read_uleb(reader);
        break;
    case 0x0a:
        remember(run);
        break;
    case 0x0b:
        recall(run);
        break;
    case 0x0c: /* def_cfa */
        reg = unwind_read_uleb(reader);
        cfa_set(state, reg, (int64_t)unwind_read_uleb(reader));
        break;
    case 0x0d: /* def_cfa_register */
        cfa_set(state, unwind_read_uleb(reader), state->rule.cfa_offset);
        break;
    case 0x0e: /* def_cfa_offset */
        state->rule.cfa_offset = (int32_t)unwind_read_uleb(reader);
        break;
    case 0x0f:
        cfa_by_expression(state, reader);
        break;
    case 0x10:
        register_by_expression(state, reader);
        break;
    case 0x11: /* offset_extended_sf */
        reg = unwind_read_uleb(reader);
        register_saved(state, reg, unwind_read_sleb(reader) * data_align);
        break;
    case 0x12: /* def_cfa_sf */
        reg = unwind_read_uleb(reader);
        cfa_set(state, reg, unwind_read_sleb(reader) * data_align);
        break;
    case 0x13: /* def_cfa_offset_sf */
        state->rule.cfa_offset = (int32_t)(unwind_read_sleb(reader) * data_align);
        break;
    case 0x14: case 0x15: /* val_offset, val_offset_sf */
        register_strange(state, unwind_read_uleb(reader));
        unwind_read_uleb(reader);
        break;
    case 0x16: /* val_expression */
        register_strange(state, unwind_read_uleb(reader));
        unwind_read_part(reader, unwind_read_uleb(reader));
        break;
    case 0x2e: /* GNU_args_size */
        unwind_read_uleb(reader);
        break;
    default:
        reader->is_bad = true;
    }
}

/* As far as the target; what is said of the instructions behind it does not hold yet. */
static void instructions_run(struct run *run, struct unwind_reader reader)
{
    enum { ADVANCE = 0x40, OFFSET = 0x80, RESTORE = 0xc0, OPERAND = 0x3f };
    while (reader.at < reader.end && !reader.is_bad && run->at <= run->target) {
        unsigned code = (unsigned)unwind_read_number(&reader, 1);
        unsigned operand = code & OPERAND;
        switch (code & ~(unsigned)OPERAND) {
        case ADVANCE:
            run->at += operand * run->common->code_align;
            break;
        case OFFSET:
            register_saved(&run->now, operand, (int64_t)unwind_read_uleb(&reader) * run->common->data_align);
            break;
        case RESTORE:
            register_restored(run, operand);
            break;
        default:
            extended_do(run, code, &reader);
        }
    }
    run->now.is_bad |= reader.is_bad;
}

static struct unwind_rule rule_of(const struct state *state)
{
    struct unwind_rule rule = state->rule;
    rule.ra_words = (int8_t)(state->ra_offset / (int64_t)sizeof(void *));
    if (state->is_ra_undefined)
        return (struct unwind_rule){.kind = UNWIND_END};
    if (state->is_bad || rule.ra_words * (int64_t)sizeof(void *) != state->ra_offset || !rule.ra_words)
        return (struct unwind_rule){.kind = UNWIND_UNKNOWN};
    return rule;
}

/* @entry: a frame description entry, behind its length. */
static struct unwind_rule entry_run(struct unwind_reader entry, const struct module *module, uintptr_t pc)
{
    const struct unwind_rule unknown = {.kind = UNWIND_UNKNOWN};
    struct common common;
    const uint8_t *id_at = entry.at;
    uint64_t id = unwind_read_number(&entry, 4);
    if (entry.is_bad || id > (size_t)(id_at - (const uint8_t *)module->start) ||
        !common_read((struct unwind_reader){.at = id_at - id, .end = (const uint8_t *)module->end}, &common))
        return unknown;
    uintptr_t begin = unwind_read_pointer(&entry, common.pointer_encoding);
    uintptr_t len = unwind_read_pointer(&entry, common.pointer_encoding & 0x0f);
    if (common.has_augmentation)
        unwind_read_part(&entry, unwind_read_uleb(&entry));
    if (entry.is_bad || pc < begin || pc - begin >= len)
        return unknown;
    if (common.is_signal_frame)
        return (struct unwind_rule){.kind = UNWIND_SIGNAL};
    struct run run = {.common = &common, .target = pc - begin};
    instructions_run(&run, common.instructions);
    run.initial = run.now;
    run.at = 0;
    instructions_run(&run, entry);
    return rule_of(&run.now);
}

struct unwind_rule unwind_rule_find(const struct module *module, uintptr_t pc)
{
    struct unwind_reader entry;
    if (!unwind_entry_find(module, pc, &entry))
        return (struct unwind_rule){.kind = UNWIND_UNKNOWN};
    return entry_run(entry, module, pc);
}
