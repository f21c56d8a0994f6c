/* active.h - whose work is a thread doing? The active context: the span that a call made now is to
 * be the child of. Set by causality, never by guessing from time (src/README.md, "Whose child"). */
#ifndef RUN_TRACED_TRACE_ACTIVE_H
#define RUN_TRACED_TRACE_ACTIVE_H

#include "trace/context.h"

#include <stdatomic.h>
#include <stddef.h>

enum active_source {
    ACTIVE_NONE,
    ACTIVE_SERVER,      /* the thread read a request, or an answer to a call made for one */
    ACTIVE_THREAD,      /* the thread was started by one with this context */
    ACTIVE_HANDOVER,    /* another thread had it when it wrote what this one has read, or set the timer */
    ACTIVE_RUNTIME,     /* the language's runtime keeps it with the work that it queues */
    ACTIVE_PASSED_ON,   /* this very request came in with it, and is passed on */
    ACTIVE_ONLY,        /* nothing decides, but no other request is open in the process */
    ACTIVE_ENVIRONMENT, /* TRACEPARENT of the process */
    ACTIVE_PROCESS,     /* the process's own span */
    ACTIVE_SPAN,        /* the program itself, or its test runner, says so on this thread */
    ACTIVE_TEST,        /* the only test that is open in the process */
};

struct active_request;

/* The request that a context belongs to, and whether that is still the same. */
struct active_owner {
    struct active_request *request; /* NULL: it is in another process, and always open */
    uint32_t expected;
};

/* A request being served, as far as it concerns who works for it. Lies in memory that is never given back, so
 * that what was kept of it can always be asked whether it has ended. */
struct active_request {
    _Atomic uint32_t generation; /* counts up when the request ends */
    _Atomic int32_t call_count;  /* calls made for it that are not answered yet */
    _Atomic bool is_lost;        /* see active_lost_count */
    bool is_arriving;            /* its body is not complete: more of it will be read */
    bool is_answering;           /* its response has begun */
    _Atomic bool is_kept;        /* a runtime has it: active_save */
    _Atomic bool has_children;   /* a span that is reported names it as its parent */
    uint32_t slot, lost_slot;    /* where it is counted */
    uint32_t index;              /* among all requests */
    /* Another one was read on its connection, and no runtime keeps that: who serves one after the other may have gone
     * on with it. So it is with all that had a lower generation. */
    _Atomic uint32_t superseded;
    struct active_owner previous; /* on its connection; request NULL: none */
    uint32_t previous_superseded; /* what that one had there before this one came */
    bool is_custom;              /* no request, but a span of the program's own (shim/custom_span.h) */
};

struct active_context {
    uint8_t source;                /* enum active_source */
    bool has_incoming;             /* the request came with a valid traceparent */
    struct active_owner owner;
    uint8_t incoming_span_id[SPAN_ID_LEN]; /* the parent id that came in */
    struct span_context context;
};

/* What a thread knows of whose work it does. */
enum active_verdict {
    ACTIVE_CERTAIN, /* a chain of causes leads to it; or to none, says the runtime, that it keeps */
    ACTIVE_UNKNOWN, /* the thread has never had to do with requests by itself: it works for one that is open */
    ACTIVE_UNCLEAR, /* it may go on with what it did last, or with any other request */
    ACTIVE_ANYONE,  /* it may work for any request, or for none */
};

/* active_init_from_environment - TRACEPARENT, TRACESTATE and BAGGAGE become the process's default context if
 * the first is valid and any propagator is in use. Library start-up only. OpenTelemetry, "Environment Variables as
 * Context Propagation Carriers". */
void active_init_from_environment(void);

/* active_set_process - @context, that of the process's own span, becomes its default context. @parent_span_id: of its
 * parent, which the process may have been told of. Library start-up only. */
void active_set_process(const struct span_context *context, const uint8_t parent_span_id[SPAN_ID_LEN]);

/* active_is_of_process - it is the process's default context, whoever works for it. */
static inline bool active_is_of_process(const struct active_context *active)
{
    return active->source == ACTIVE_ENVIRONMENT || active->source == ACTIVE_PROCESS;
}

/* active_set - @active becomes the calling thread's. Copies it. Hot path, signal-safe. */
void active_set(const struct active_context *active);

/* active_forget - nothing is known of what the calling thread does next. */
void active_forget(void);

/* active_doubt - the same; and what it is may be the work of any request that is open. */
void active_doubt(void);

/* active_current - the calling thread's context, if that is certain; else NULL, and *@verdict (may be NULL) tells
 * why. Valid until the thread's context is set anew. Hot path, signal-safe. */
const struct active_context *active_current(enum active_verdict *verdict);

/* What a thread hands to one that it starts. */
struct active_heritage {
    struct active_context active; /* source ACTIVE_THREAD, or ACTIVE_NONE */
    bool is_certain;
    bool has_history; /* its creator has had to do with requests: what it does may be for any of those */
    bool is_from_loop; /* its creator reads many requests, and this one may be there for any of them */
};

/* active_bequeath - fills @heritage with what a thread started now works for. Returns false if nothing is known. Hot path. */
bool active_bequeath(struct active_heritage *heritage);

/* active_inherit - by the started thread. */
void active_inherit(const struct active_heritage *heritage);

/* active_last - what the calling thread worked for last, certain or not; source ACTIVE_NONE: nothing. */
const struct active_context *active_last(void);

/* active_room - the calling thread's room for a context that is found in another way; contexts take 1.7 KB, and stacks may
 * be small. Good until active_current is called again. */
struct active_context *active_room(void);

/* active_environment - the process's default context, or NULL. */
const struct active_context *active_environment(void);

/* active_test_begin - the process works for a test: @active, in memory that is never given back, whose owner ends with it.
 * Several may be open. False: there are too many already. Hot path, signal-safe. */
bool active_test_begin(const struct active_context *active);

/* active_test_end - the same test has ended. */
void active_test_end(const struct active_context *active);

/* active_tests - what a thread works for of which nothing else is known: copies the open test to @out, if it is one alone.
 * Returns how many there are, ACTIVE_TESTS_MAX at most. One load where there has never been any. */
enum { ACTIVE_TESTS_MAX = 8 };
unsigned active_tests(struct active_context *out);

/* active_has_tests - is any open? */
bool active_has_tests(void);

/* active_test_at - copies the open test at @place, below ACTIVE_TESTS_MAX; false: there is none. */
bool active_test_at(unsigned place, struct active_context *out);

/* active_copy - copies only what is filled. */
void active_copy(struct active_context *to, const struct active_context *from);

/* active_copy_open - copies what may end meanwhile, and another take its place. False: it is not open, or was not any more
 * when it was copied; @to is then unspecified. */
bool active_copy_open(struct active_context *to, const struct active_context *from);

/* active_filled_len - how many of its bytes are filled: the rest need not be copied. */
size_t active_filled_len(const struct active_context *active);

/* active_is_open - the span it belongs to has not ended. */
bool active_is_open(const struct active_context *active);

/* active_came_in_with - is @traceparent the one that came in with what @active stands for? */
bool active_came_in_with(const struct active_context *active,
                         const struct span_context *traceparent);

/* active_note_use - something was done that others can see, in the name of the thread's context: a call, an answer, a
 * message to another thread. Who waits for what comes of it is not lost. */
void active_note_use(void);

/* active_next_turn - the thread waits for events: what it does next may be for anyone. */
void active_next_turn(void);

/* active_note_wait - the thread waits for other threads: a pool's, it may have been given work meanwhile. */
void active_note_wait(void);

/* active_note_condition - the same, by a condition variable. */
void active_note_condition(void);

/* active_note_yield - the thread waits for its turn among an interpreter's: that gives it no work, but others have run
 * meanwhile. */
void active_note_yield(void);

/* active_ignore_conditions - of this program it says nothing: an interpreter's threads take turns by them. */
void active_ignore_conditions(void);

/* active_turn - counts the thread's turns: what was done in the same one was done in one go. */
uint32_t active_turn(void);

/* active_note_custom - there is a span of the program's own: contexts of such spans are to be watched for their end. */
void active_note_custom(void);

/* For those who serve requests: */

/* active_request_begin - a request was read by the calling thread. */
void active_request_begin(struct active_request *request);

/* active_request_follow - @request was read on the same connection as @previous, the one before, which becomes
 * @request. */
void active_request_follow(struct active_request *request, struct active_owner *previous);

/* active_request_end - it has been answered, by the calling thread. Contexts that belong to it are ended. */
void active_request_end(struct active_request *request);

/* active_request_call - a call is made for it. */
void active_request_call(struct active_request *request);

/* active_has_served - has this process read any request? */
bool active_has_served(void);

/* active_open_count - how many requests are open in this process, read by whichever thread. *@only: if it is one, that
 * one's index. About 0.2 us once there has been any. */
unsigned active_open_count(uint32_t *only);

/* active_lost_count - how many of them no thread works for and nothing that we could see is awaited for: they wait in a
 * queue, or for a timer of the application's own. Whoever goes on with one cannot be told from a thread that goes on
 * with what it did before. */
unsigned active_lost_count(void);

/* For bridges into language runtimes, which keep a context with the work that they queue: */

enum { ACTIVE_SAVED_LEN_MAX = sizeof(struct active_context) };

/* active_save - @active, which may be NULL or have no source, as bytes for active_restore, in this process alone.
 * Returns how many, at most ACTIVE_SAVED_LEN_MAX; 0: there is none. The request counts as kept: what the runtime says
 * of it is the whole truth. */
size_t active_save(const struct active_context *active, void *room);

/* active_restore - what active_save gave becomes the calling thread's context, until it reads another request: it is
 * certain, open or ended; or, @is_borrowed, that of who woke it, which it may work for or not. @len 0: none, for
 * certain. */
void active_restore(const void *saved, size_t len, bool is_borrowed);

/* active_saved_is_superseded - the next request on the same connection as that of what active_save gave has been
 * read, and no runtime keeps it: who works for the one may have gone on with the other once that is answered. */
bool active_saved_is_superseded(const void *saved);

/* active_saved_is_open - has the request of what active_save gave not ended? */
bool active_saved_is_open(const void *saved);

/* active_leave - the runtime has no more to say of what the thread does. */
void active_leave(void);

/* What a runtime says that is asked whom the calling thread works for now. */
enum active_answer {
    ACTIVE_ANSWER_NOBODY, /* for none of the requests that the runtime keeps */
    ACTIVE_ANSWER_KNOWN,  /* for what was put into the room */
    ACTIVE_ANSWER_OWN,    /* what the thread itself knows decides */
    ACTIVE_ANSWER_ANYONE, /* that cannot be told */
};

/* A runtime that has to be asked. Must not change errno. */
typedef enum active_answer active_asker(struct active_context *out);

/* active_ask - @asker is asked from now on whenever the calling thread's context is wanted; NULL: no more. */
void active_ask(active_asker *asker);

/* active_ask_everywhere - the same in all threads that have no asker of their own, for the rest of the process. */
void active_ask_everywhere(active_asker *asker);

/* active_read_count - how many requests the calling thread has read. */
uint32_t active_read_count(void);

/* active_set_count - how often active_set was called by it. */
uint32_t active_set_count(void);

#endif
