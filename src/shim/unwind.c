#include "shim/unwind.h"

#include "base/compiler.h"
#include "base/raw.h"
#include "shim/unwind_rule.h"

#include <stdatomic.h>
#include <string.h>

enum { PAGE_LEN = 4096, RULES_MAX = 2048 }; /* a power of two */

/* A rule that was looked up; both words are of one address if the one is that address xor the other. */
struct known_rule {
    _Atomic uintptr_t check;
    _Atomic uint64_t rule;
};

static BULKY struct known_rule g_rules[RULES_MAX];

/* The part of this thread's stack that is known to be readable. */
static THREAD_LOCAL uintptr_t t_readable_begin, t_readable_end;

/* By memory.h a page counts as readable where nobody can tell (an old kernel, a sandbox); here it must not. The
 * kernel copies the set of signals from there before it refuses what is asked; nothing is changed. */
static bool page_is_readable(uintptr_t page)
{
    enum { NO_SUCH_WAY = -1, SIGNAL_SET_LEN = 8 };
    return raw_syscall6(SYS_rt_sigprocmask, NO_SUCH_WAY, (long)page, 0, SIGNAL_SET_LEN, 0, 0) == -EINVAL;
}

static bool pages_are_readable(uintptr_t begin, uintptr_t end)
{
    while (begin < end && page_is_readable(begin))
        begin += PAGE_LEN;
    return begin >= end;
}

/* What lies between is learnt as well, so that the known part stays one; far away is another stack. */
static COLD bool page_learn(uintptr_t page)
{
    enum { GAP_MAX = 64 * PAGE_LEN };
    uintptr_t behind = page + PAGE_LEN;
    if (page >= t_readable_end && page - t_readable_end < GAP_MAX && pages_are_readable(t_readable_end, behind)) {
        t_readable_end = behind;
        return true;
    }
    if (page < t_readable_begin && t_readable_begin - page < GAP_MAX && pages_are_readable(page, t_readable_begin)) {
        t_readable_begin = page;
        return true;
    }
    if (!page_is_readable(page))
        return false;
    t_readable_begin = page;
    t_readable_end = behind;
    return true;
}

static bool word_read(uintptr_t at, uintptr_t *out)
{
    if (UNLIKELY(at % sizeof *out || at < PAGE_LEN))
        return false;
    if (UNLIKELY(at < t_readable_begin || at >= t_readable_end) && !page_learn(at & ~(uintptr_t)(PAGE_LEN - 1)))
        return false;
    memcpy(out, (const void *)at, sizeof *out);
    return true;
}

/* ---- rules ---- */

static struct known_rule *rule_slot(uintptr_t pc)
{
    return &g_rules[(pc * 0x9e3779b97f4a7c15ULL) >> 48 & (RULES_MAX - 1)];
}

static struct unwind_rule rule_at(uintptr_t pc)
{
    struct known_rule *slot = rule_slot(pc);
    struct unwind_rule rule = {.kind = UNWIND_UNKNOWN};
    struct module module;
    uint64_t word = atomic_load_explicit(&slot->rule, memory_order_relaxed);
    if (UNLIKELY((atomic_load_explicit(&slot->check, memory_order_relaxed) ^ word) != pc)) {
        if (module_find((const void *)pc, &module))
            rule = unwind_rule_find(&module, pc);
        memcpy(&word, &rule, sizeof word);
        atomic_store_explicit(&slot->rule, word, memory_order_relaxed);
        atomic_store_explicit(&slot->check, pc ^ word, memory_order_relaxed);
    }
    memcpy(&rule, &word, sizeof rule);
    return rule;
}

void unwind_forget(void)
{
    for (size_t i = 0; i < RULES_MAX; i++)
        if (atomic_load_explicit(&g_rules[i].check, memory_order_relaxed))
            atomic_store_explicit(&g_rules[i].check, 0, memory_order_relaxed);
}

/* ---- frames ---- */

/* The kernel's ucontext, which its frame begins with. */
static bool signal_step(struct unwind_frame *frame)
{
#if defined(__x86_64__)
    enum { CONTEXT_RBP = 120, CONTEXT_RSP = 160, CONTEXT_RIP = 168 };
    struct unwind_frame next = {.is_interrupted = true};
    if (!word_read(frame->sp + CONTEXT_RIP, &next.pc) || !word_read(frame->sp + CONTEXT_RSP, &next.sp) ||
        !word_read(frame->sp + CONTEXT_RBP, &next.fp))
        return false;
    *frame = next;
    return true;
#else
    (void)frame;
    return false;
#endif
}

static uintptr_t code_address(uintptr_t return_address)
{
#if defined(__aarch64__)
    return return_address & 0xffffffffffff; /* without its signature */
#else
    return return_address;
#endif
}

static bool cfa_find(const struct unwind_frame *frame, struct unwind_rule rule, uintptr_t *out)
{
    uintptr_t base = rule.kind == UNWIND_BY_SP ? frame->sp : frame->fp;
    *out = base + (uintptr_t)(intptr_t)rule.cfa_offset;
    return rule.kind != UNWIND_BY_MEMORY || word_read(*out, out);
}

static bool fp_find(const struct unwind_frame *frame, struct unwind_rule rule, uintptr_t cfa, uintptr_t *out)
{
    uintptr_t base = rule.fp == UNWIND_FP_BY_CFA ? cfa : frame->fp;
    *out = frame->fp;
    return rule.fp == UNWIND_FP_KEPT || word_read(base + (uintptr_t)(intptr_t)rule.fp_offset, out);
}

NOINLINE void unwind_begin(struct unwind_frame *frame)
{
    const uintptr_t *own = __builtin_frame_address(0);
    uintptr_t unused;
    *frame = (struct unwind_frame){.pc = code_address(own[1]), .sp = (uintptr_t)__builtin_dwarf_cfa(), .fp = own[0]};
    word_read(frame->sp - sizeof unused, &unused); /* we may be on another stack than last time */
}

/* A caller's frame lies above. */
bool unwind_next(struct unwind_frame *frame)
{
    struct unwind_rule rule = rule_at((uintptr_t)unwind_call(frame));
    uintptr_t cfa;
    struct unwind_frame next = {.pc = 0};
    if (UNLIKELY(rule.kind == UNWIND_SIGNAL))
        return signal_step(frame);
    if (rule.kind == UNWIND_UNKNOWN || rule.kind == UNWIND_END || !cfa_find(frame, rule, &cfa) || cfa <= frame->sp ||
        !word_read(cfa + (uintptr_t)(intptr_t)rule.ra_words * sizeof cfa, &next.pc) ||
        !fp_find(frame, rule, cfa, &next.fp))
        return false;
    next.pc = code_address(next.pc);
    next.sp = cfa;
    if (!next.pc)
        return false;
    *frame = next;
    return true;
}
