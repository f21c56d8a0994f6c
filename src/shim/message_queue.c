/* What threads hand each other work by: the message queues of POSIX (mq_close: descriptor.c) and of System V. */
#include "wire/message_queue.h"

#include "shim/handover.h"
#include "shim/real.h"
#include "trace/active.h"

/* What is sent, as far as it is looked at: an empty message is a wake-up, as one of a single byte is. */
struct message {
    const void *bytes;
    size_t len;
};

static void begin_to_send(struct handover_write *writing, struct handover *handover, const struct message *message)
{
    writing->handover = NULL;
    if (handover)
        handover_begin_to_write_at(writing, handover, 0, message->bytes, message->len);
}

/* @result: 0 or -1. */
static int have_sent(const struct handover_write *writing, int result)
{
    if (writing->handover)
        handover_have_written(writing, result == 0 ? (ssize_t)writing->len : -1);
    return result;
}

static void begin_to_receive(struct handover_read *reading, struct handover *handover, int fd)
{
    reading->handover = NULL;
    if (!handover)
        return;
    handover_begin_to_read_at(reading, handover, 0);
    reading->fd = fd;
}

/* A thread that has got a message of nobody knows whom may be a pool's, which has been given work. */
static ssize_t have_received(const struct handover_read *reading, const struct message *message, ssize_t result)
{
    if (result < 0)
        return result;
    if (reading->handover)
        handover_have_read(reading, message->bytes, (ssize_t)message->len);
    if (!reading->handover || atomic_load_explicit(&reading->handover->is_given_up, memory_order_relaxed))
        active_note_wait();
    return result;
}

/* ---- POSIX ---- */

static struct message message_of_text(const char *text, size_t len)
{
    return len ? (struct message){text, len} : (struct message){"", 1};
}

static mqd_t opened(mqd_t queue)
{
    int saved = errno;
    if (queue >= 0)
        handover_add(queue, handover_is_watched() ? message_queue_opened(queue) : NULL);
    errno = saved;
    return queue;
}

EXPORT mqd_t mq_open(const char *name, int flags, ...)
{
    mode_t mode = 0;
    struct mq_attr *attributes = NULL;
    if (flags & O_CREAT) {
        va_list arguments;
        va_start(arguments, flags);
        mode = va_arg(arguments, mode_t);
        attributes = va_arg(arguments, struct mq_attr *);
        va_end(arguments);
    }
    return opened(REAL(mq_open)(name, flags, mode, attributes));
}

EXPORT mqd_t __mq_open_2(const char *name, int flags)
{
    return opened(REAL(__mq_open_2)(name, flags));
}

EXPORT int mq_send(mqd_t queue, const char *text, size_t len, unsigned priority)
{
    struct handover_write writing;
    struct message message = message_of_text(text, len);
    begin_to_send(&writing, table_handover(queue), &message);
    return have_sent(&writing, REAL(mq_send)(queue, text, len, priority));
}

EXPORT int mq_timedsend(mqd_t queue, const char *text, size_t len, unsigned priority, const struct timespec *deadline)
{
    struct handover_write writing;
    struct message message = message_of_text(text, len);
    begin_to_send(&writing, table_handover(queue), &message);
    return have_sent(&writing, REAL(mq_timedsend)(queue, text, len, priority, deadline));
}

static ssize_t text_received(const struct handover_read *reading, const char *text, ssize_t result)
{
    struct message message = message_of_text(text, (size_t)result);
    return have_received(reading, &message, result);
}

EXPORT ssize_t mq_receive(mqd_t queue, char *text, size_t room, unsigned *priority)
{
    struct handover_read reading;
    begin_to_receive(&reading, table_handover(queue), queue);
    return text_received(&reading, text, REAL(mq_receive)(queue, text, room, priority));
}

EXPORT ssize_t mq_timedreceive(mqd_t queue, char *restrict text, size_t room, unsigned *restrict priority,
                               const struct timespec *restrict deadline)
{
    struct handover_read reading;
    begin_to_receive(&reading, table_handover(queue), queue);
    return text_received(&reading, text, REAL(mq_timedreceive)(queue, text, room, priority, deadline));
}

/* ---- System V ---- */

/* @text_len: without the type, which counts as well where there is more than a wake-up. */
static struct message message_of_typed(const struct msgbuf *typed, size_t text_len)
{
    if (text_len > 1)
        return (struct message){typed, sizeof typed->mtype + text_len};
    return (struct message){text_len ? typed->mtext : "", 1};
}

EXPORT int msgget(key_t key, int flags)
{
    int id = REAL(msgget)(key, flags), saved = errno;
    bool is_new = key == IPC_PRIVATE || (flags & (IPC_CREAT | IPC_EXCL)) == (IPC_CREAT | IPC_EXCL);
    if (id >= 0 && handover_is_watched())
        message_queue_got(id, is_new);
    errno = saved;
    return id;
}

EXPORT int msgsnd(int id, const void *typed, size_t len, int flags)
{
    struct handover_write writing;
    struct message message = message_of_typed(typed, len);
    begin_to_send(&writing, message_queue_find(id), &message);
    return have_sent(&writing, REAL(msgsnd)(id, typed, len, flags));
}

/* MSG_COPY leaves it where it is. */
EXPORT ssize_t msgrcv(int id, void *typed, size_t room, long type, int flags)
{
    struct handover_read reading;
    if (flags & MSG_COPY)
        return REAL(msgrcv)(id, typed, room, type, flags);
    begin_to_receive(&reading, message_queue_find(id), 0);
    ssize_t result = REAL(msgrcv)(id, typed, room, type, flags);
    struct message message = message_of_typed(typed, (size_t)result);
    return have_received(&reading, &message, result);
}

EXPORT int msgctl(int id, int command, struct msqid_ds *state)
{
    int result = REAL(msgctl)(id, command, state), saved = errno;
    if (result >= 0 && command == IPC_RMID && handover_is_watched())
        message_queue_removed(id);
    errno = saved;
    return result;
}
