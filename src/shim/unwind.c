#include "shim/unwind.h"

#include "base/compiler.h"
#include "base/raw.h"
#include "shim/unwind_rule.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/auxv.h>

enum { PAGE_LEN = 4096, GAP_MAX = 64 * PAGE_LEN, RULES_MAX = 2048 }; /* a power of two */

/* A rule that was looked up; both words are of one address if the one is that address xor the other. */
struct known_rule {
    _Atomic uintptr_t check;
    _Atomic uint64_t rule;
};

static BULKY struct known_rule g_rules[RULES_MAX];

/* The part of this thread's own stack that is known to be readable, up to its end; that does not go before the thread
 * does. Set once, and from then on only the beginning, by one store: a signal may come at any time. 0: unknown. */
static THREAD_LOCAL uintptr_t t_own_begin, t_own_end;

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

static uintptr_t page_of(uintptr_t address)
{
    return address & ~(uintptr_t)(PAGE_LEN - 1);
}

/* What lies at the upper end of the stack that @page is of, if that is the thread's own: what libc keeps of the thread,
 * or what the kernel gave the program. The main thread's libc keeps elsewhere. */
static uintptr_t own_stack_end(uintptr_t page)
{
    uintptr_t self = page_of((uintptr_t)pthread_self());
    bool is_near = self >= page && self - page < GAP_MAX;
    if (is_near && raw_syscall6(SYS_gettid, 0, 0, 0, 0, 0, 0) != raw_syscall6(SYS_getpid, 0, 0, 0, 0, 0, 0))
        return self + PAGE_LEN;
    return page_of(getauxval(AT_RANDOM)) + PAGE_LEN;
}

/* @page, which is in use, is of the thread's own stack if all is readable from there to the stack's end. */
static COLD bool own_stack_learn(uintptr_t page)
{
    uintptr_t end = t_own_begin ? t_own_begin : own_stack_end(page);
    if (page >= end || end - page >= GAP_MAX || !pages_are_readable(page + PAGE_LEN, end))
        return false;
    if (!t_own_begin)
        t_own_end = end;
    atomic_signal_fence(memory_order_seq_cst);
    t_own_begin = page;
    return true;
}

static void readable_begin(struct unwind_frame *frame)
{
    uintptr_t page = page_of(frame->sp - 1);
    bool is_own = t_own_begin && page >= t_own_begin && page < t_own_end;
    frame->readable_begin = page;
    frame->readable_end = is_own || own_stack_learn(page) ? t_own_end : page + PAGE_LEN;
}

/* What lies between is learnt as well, so that the known part stays one; far away is another stack. */
static COLD bool page_learn(struct unwind_frame *frame, uintptr_t page)
{
    uintptr_t begin = frame->readable_begin, end = frame->readable_end, behind = page + PAGE_LEN;
    if (page >= end && page - end < GAP_MAX && pages_are_readable(end, behind)) {
        frame->readable_end = behind;
        return true;
    }
    if (page < begin && begin - page < GAP_MAX && pages_are_readable(page, begin)) {
        frame->readable_begin = page;
        return true;
    }
    if (!page_is_readable(page))
        return false;
    frame->readable_begin = page;
    frame->readable_end = behind;
    return true;
}

static bool word_read(struct unwind_frame *frame, uintptr_t at, uintptr_t *out)
{
    if (UNLIKELY(at % sizeof *out || at < PAGE_LEN))
        return false;
    if (UNLIKELY(at < frame->readable_begin || at >= frame->readable_end) && !page_learn(frame, page_of(at)))
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

/* What is known of the stack stays. */
static void frame_replace(struct unwind_frame *frame, const struct unwind_frame *next)
{
    frame->pc = next->pc;
    frame->sp = next->sp;
    frame->fp = next->fp;
    frame->is_interrupted = next->is_interrupted;
}

/* The kernel's ucontext, which its frame begins with. */
static bool signal_step(struct unwind_frame *frame)
{
#if defined(__x86_64__)
    enum { CONTEXT_RBP = 120, CONTEXT_RSP = 160, CONTEXT_RIP = 168 };
    struct unwind_frame next = {.is_interrupted = true};
    if (!word_read(frame, frame->sp + CONTEXT_RIP, &next.pc) || !word_read(frame, frame->sp + CONTEXT_RSP, &next.sp) ||
        !word_read(frame, frame->sp + CONTEXT_RBP, &next.fp))
        return false;
    frame_replace(frame, &next);
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

static bool cfa_find(struct unwind_frame *frame, struct unwind_rule rule, uintptr_t *out)
{
    uintptr_t base = rule.kind == UNWIND_BY_SP ? frame->sp : frame->fp;
    *out = base + (uintptr_t)(intptr_t)rule.cfa_offset;
    return rule.kind != UNWIND_BY_MEMORY || word_read(frame, *out, out);
}

static bool fp_find(struct unwind_frame *frame, struct unwind_rule rule, uintptr_t cfa, uintptr_t *out)
{
    uintptr_t base = rule.fp == UNWIND_FP_BY_CFA ? cfa : frame->fp;
    *out = frame->fp;
    return rule.fp == UNWIND_FP_KEPT || word_read(frame, base + (uintptr_t)(intptr_t)rule.fp_offset, out);
}

NOINLINE void unwind_begin(struct unwind_frame *frame)
{
    const uintptr_t *own = __builtin_frame_address(0);
    *frame = (struct unwind_frame){.pc = code_address(own[1]), .sp = (uintptr_t)__builtin_dwarf_cfa(), .fp = own[0]};
    readable_begin(frame);
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
        !word_read(frame, cfa + (uintptr_t)(intptr_t)rule.ra_words * sizeof cfa, &next.pc) ||
        !fp_find(frame, rule, cfa, &next.fp))
        return false;
    next.pc = code_address(next.pc);
    next.sp = cfa;
    if (!next.pc)
        return false;
    frame_replace(frame, &next);
    return true;
}
