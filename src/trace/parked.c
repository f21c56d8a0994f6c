/* A table by the condition's address. Who parks holds the mutex that belongs to it, and so does, as a rule, who signals:
 * the locks here are for those who signal without, and twice. A fork child has what its parent's threads left: places of
 * another process are free. */
#include "trace/parked.h"

#include "base/compiler.h"
#include "base/lock.h"
#include "base/process.h"
#include "base/slab.h"
#include "trace/active.h"

#include <errno.h>

enum { PLACES = 1024, LOOKED_AT = 8 };

/* What is handed on: a context takes 1.7 KB. A place keeps it from its first use on. */
struct gift {
    uint32_t link; /* belongs to the slab */
    struct active_heritage heritage;
};

struct parked {
    struct lock lock;
    _Atomic(const void *) condition; /* NULL: free */
    _Atomic int pid;
    bool is_started;
    bool is_clear; /* it was signalled once */
    struct gift *gift;
};

_Atomic uint32_t g_parked_count;
static BULKY struct parked g_places[PLACES];
static BULKY_DATA struct slab g_gifts = SLAB_INITIALIZER(sizeof(struct gift), 16, PLACES / 16);

static struct parked *place_at(const void *condition, unsigned step)
{
    uint64_t hash = (uintptr_t)condition * 0x9e3779b97f4a7c15ULL;
    return &g_places[((hash >> 40) + step) % PLACES];
}

static const void *condition_of(struct parked *place)
{
    const void *condition = atomic_load_explicit(&place->condition, memory_order_acquire);
    return atomic_load_explicit(&place->pid, memory_order_relaxed) == process_pid() ? condition : NULL;
}

static bool place_take(struct parked *place, const void *condition)
{
    uint32_t index;
    if (condition_of(place) || !lock_acquire(&place->lock))
        return false;
    bool is_free = !condition_of(place) && (place->gift || (place->gift = slab_alloc(&g_gifts, &index)));
    if (is_free) {
        place->is_started = false;
        atomic_store_explicit(&place->pid, process_pid(), memory_order_relaxed);
        atomic_store_explicit(&place->condition, condition, memory_order_release);
        atomic_fetch_add_explicit(&g_parked_count, 1, memory_order_relaxed);
    }
    lock_release(&place->lock);
    return is_free;
}

struct parked *parked_enter(const void *condition)
{
    int saved = errno;
    struct parked *taken = NULL;
    active_forget();
    for (unsigned i = 0; i < LOOKED_AT && !taken; i++)
        if (place_take(place_at(condition, i), condition))
            taken = place_at(condition, i);
    errno = saved;
    return taken;
}

/* Who was not started ends; or it was, and nobody can say by whom. */
void parked_leave(struct parked *parked)
{
    int saved = errno;
    bool is_locked = parked && lock_acquire(&parked->lock);
    if (is_locked && parked->is_started && parked->is_clear)
        active_inherit(&parked->gift->heritage);
    else
        active_doubt();
    if (parked) {
        atomic_store_explicit(&parked->condition, NULL, memory_order_release);
        atomic_fetch_sub_explicit(&g_parked_count, 1, memory_order_relaxed);
    }
    if (is_locked)
        lock_release(&parked->lock);
    errno = saved;
}

static void place_start(struct parked *place, const void *condition)
{
    if (!lock_acquire(&place->lock))
        return;
    if (condition_of(place) == condition) {
        place->is_clear = !place->is_started;
        place->is_started = true;
        if (place->is_clear)
            active_bequeath(&place->gift->heritage);
    }
    lock_release(&place->lock);
}

COLD void parked_start_new(const void *condition)
{
    int saved = errno;
    for (unsigned i = 0; i < LOOKED_AT; i++) {
        struct parked *place = place_at(condition, i);
        if (condition_of(place) != condition)
            continue;
        place_start(place, condition);
        break;
    }
    errno = saved;
}
