/* unwind_rule.h - how to get from a frame to its caller's, out of an object's .eh_frame: what is found for an
 * address is small enough to be remembered in a word. Pure reading of what the loader has mapped; no lock, no
 * allocation; signal-safe. Linux Standard Base Core Specification 5.0, 10.6; DWARF 5, 6.4. */
#ifndef RUN_TRACED_SHIM_UNWIND_RULE_H
#define RUN_TRACED_SHIM_UNWIND_RULE_H

#include "shim/module.h"

enum unwind_kind {
    UNWIND_UNKNOWN,   /* no table has it, or it says it in a way that is not understood */
    UNWIND_BY_SP,     /* the CFA, the caller's stack pointer, is the stack pointer + cfa_offset */
    UNWIND_BY_FP,     /* the frame pointer + cfa_offset */
    UNWIND_BY_MEMORY, /* what is at the frame pointer + cfa_offset: functions that align their stack */
    UNWIND_SIGNAL,    /* the kernel called it: all is in the signal's context */
    UNWIND_END,       /* nobody called it */
};

enum unwind_fp {
    UNWIND_FP_KEPT,   /* the caller's frame pointer is the same */
    UNWIND_FP_BY_CFA, /* it is at the CFA + fp_offset */
    UNWIND_FP_BY_FP,  /* it is at the frame pointer + fp_offset */
};

struct unwind_rule {
    int32_t cfa_offset;
    int16_t fp_offset;
    int8_t ra_words; /* the return address is at the CFA + so many words */
    uint8_t kind : 4; /* enum unwind_kind */
    uint8_t fp : 4;   /* enum unwind_fp */
};

_Static_assert(sizeof(struct unwind_rule) == sizeof(uint64_t), "a rule is stored as one word");

/* unwind_rule_find - the rule at @pc, which lies in @module. */
struct unwind_rule unwind_rule_find(const struct module *module, uintptr_t pc);

#endif
