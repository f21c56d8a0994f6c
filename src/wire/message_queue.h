/* message_queue.h - the message queues of POSIX and of System V, as hand-overs between the threads of this process.
 *
 * Any process may have them, by name or by number: a message with the same bytes may be another one's. POSIX's are given up
 * after a fork, and when there are more messages in them than were sent here; of System V's the kernel tells who was the
 * last to send. All functions: hot path, signal-safe. */
#ifndef RUN_TRACED_WIRE_MESSAGE_QUEUE_H
#define RUN_TRACED_WIRE_MESSAGE_QUEUE_H

#include "wire/handover.h"

/* message_queue_opened - that of the new descriptor @fd, which is counted: the same one for all that were opened. NULL: it
 * is not followed. One system call. */
struct handover *message_queue_opened(int fd);

/* message_queue_got - msgget(2) gave @id. @is_new: of a queue that was made by this. One system call if it is unknown. Of
 * those whose numbers have the same last digits the latest is followed. */
void message_queue_got(int id, bool is_new);

/* message_queue_find - that with @id, or NULL. */
struct handover *message_queue_find(int id);

/* message_queue_removed - it is no more. */
void message_queue_removed(int id);

/* message_queue_pass_by - a message goes by in a way that is not accounted for. */
void message_queue_pass_by(int id);

#endif
