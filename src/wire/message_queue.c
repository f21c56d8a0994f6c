#include "wire/message_queue.h"

#include "base/compiler.h"
#include "base/process.h"
#include "base/raw.h"

#include <mqueue.h>
#include <sys/msg.h>

enum { SLOT_COUNT = 256 };

/* By the number's last digits; what is here once stays, and stands for one queue after the other. */
static BULKY _Atomic(struct handover *) g_slots[SLOT_COUNT];

/* ---- POSIX ---- */

/* Nobody tells who has sent. */
static bool is_others_by_fd(struct handover *handover, int fd, uint32_t noted_count)
{
    struct mq_attr now;
    if (handover->fork_count != process_fork_count())
        return true;
    return fd >= 0 && (raw_syscall3(SYS_mq_getsetattr, fd, 0, (long)&now) < 0 || now.mq_curmsgs > (long)noted_count);
}

struct handover *message_queue_opened(int fd)
{
    struct stat st;
    if (raw_syscall3(SYS_fstat, fd, (long)&st, 0) < 0)
        return NULL;
    uint64_t identity = (uint64_t)st.st_dev << 32 ^ st.st_ino;
    struct handover *handover = handover_find(is_others_by_fd, identity);
    return handover ? handover : handover_new_shared(is_others_by_fd, identity);
}

/* ---- System V ---- */

static bool state_ask(int id, struct msqid_ds *state)
{
    return raw_syscall3(SYS_msgctl, id, IPC_STAT, (long)state) == 0;
}

/* Who sent last before this process did may be its last sender until this process is. */
static bool is_others_by_id(struct handover *handover, int fd, uint32_t noted_count)
{
    struct msqid_ds state;
    bool is_read = fd >= 0;
    if (!state_ask((int)handover->identity, &state))
        return true;
    if (state.msg_lspid == process_pid())
        handover->sender_before = state.msg_lspid;
    return state.msg_lspid != (is_read ? process_pid() : handover->sender_before) ||
           (is_read && state.msg_qnum > noted_count);
}

/* Where another thread has done so meanwhile, its stays. */
static void slot_fill(_Atomic(struct handover *) *slot, int id, int sender_before)
{
    struct handover *expected = NULL, *handover = handover_new_shared(is_others_by_id, (uint64_t)id);
    if (!handover)
        return;
    handover->sender_before = sender_before;
    if (!atomic_compare_exchange_strong(slot, &expected, handover))
        handover_release(handover);
}

void message_queue_got(int id, bool is_new)
{
    _Atomic(struct handover *) *slot = &g_slots[id % SLOT_COUNT];
    struct msqid_ds state;
    struct handover *handover = atomic_load(slot);
    if (handover && atomic_load(&handover->identity) == (uint64_t)id && !is_new)
        return;
    if (!state_ask(id, &state))
        return;
    if (!handover)
        slot_fill(slot, id, state.msg_lspid);
    else if (handover_begin_anew(handover, (uint64_t)id))
        handover->sender_before = state.msg_lspid;
    else
        handover_give_up(handover);
}

struct handover *message_queue_find(int id)
{
    struct handover *handover = id >= 0 ? atomic_load_explicit(&g_slots[id % SLOT_COUNT], memory_order_acquire) : NULL;
    bool is_it = handover && atomic_load_explicit(&handover->identity, memory_order_relaxed) == (uint64_t)id;
    return is_it ? handover : NULL;
}

void message_queue_removed(int id)
{
    struct handover *handover = message_queue_find(id);
    if (handover)
        handover_begin_anew(handover, HANDOVER_NOBODY);
}

void message_queue_pass_by(int id)
{
    struct handover *handover = message_queue_find(id);
    if (UNLIKELY(handover != NULL))
        handover_give_up(handover);
}
