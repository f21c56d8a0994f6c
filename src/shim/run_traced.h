/* run_traced.h - for programs that want to say more than run-traced sees by itself: spans, events and attributes of their own,
 * and where a test begins and ends.
 *
 * This header is all that is needed: nothing is linked. Under run-traced.sh the functions are there; without it each call is a
 * comparison and does nothing. C11 and C++; from other languages the functions run_traced_v1_... are found by name:
 *
 *     run_traced_span span = run_traced_span_begin("load the index");
 *     run_traced_set_int(span, "index.documents", count);
 *     run_traced_span_end(span);
 *
 * A span is a child of what the calling thread works for: a request, a span or a test that is open. What the thread does from
 * then on, and the threads that it starts, belong to the span until it ends. All functions may be called by any thread, and in
 * signal handlers. errno stays as it is.
 *
 * A program that is linked with -no-pie has to be compiled with -fPIE still, or linked with -Wl,-z,dynamic-undefined-weak: otherwise
 * the linker decides that the functions are not there. */
#ifndef RUN_TRACED_H
#define RUN_TRACED_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A span that was begun; 0: none, which all functions take and ignore, as they do one that has ended. */
typedef uint64_t run_traced_span;

/* What came of a test. */
enum run_traced_result { RUN_TRACED_UNKNOWN = 0, RUN_TRACED_PASS = 1, RUN_TRACED_FAIL = 2, RUN_TRACED_SKIPPED = 3 };

/* What a traceparent takes, with its NUL. */
enum { RUN_TRACED_TRACEPARENT_SIZE = 56 };

/* Behind the functions below. */
#define RUN_TRACED_WEAK __attribute__((weak, visibility("default")))
RUN_TRACED_WEAK run_traced_span run_traced_v1_span_begin(const char *name);
RUN_TRACED_WEAK void run_traced_v1_span_end(run_traced_span span);
RUN_TRACED_WEAK void run_traced_v1_span_fail(run_traced_span span, const char *error_type, const char *message);
RUN_TRACED_WEAK run_traced_span run_traced_v1_test_begin(const char *suite, const char *name);
RUN_TRACED_WEAK void run_traced_v1_test_end(run_traced_span test, int result);
RUN_TRACED_WEAK void run_traced_v1_set_string(run_traced_span span, const char *key, const char *value);
RUN_TRACED_WEAK void run_traced_v1_set_int(run_traced_span span, const char *key, int64_t value);
RUN_TRACED_WEAK void run_traced_v1_set_bool(run_traced_span span, const char *key, int value);
RUN_TRACED_WEAK void run_traced_v1_add_event(run_traced_span span, const char *name);
RUN_TRACED_WEAK size_t run_traced_v1_traceparent(char *out, size_t size);

/* run_traced_span_begin - begins a span of kind INTERNAL. @name: of low cardinality, at most 512 bytes count. Returns 0 if nothing
 * is traced. */
static inline run_traced_span run_traced_span_begin(const char *name)
{
    return run_traced_v1_span_begin ? run_traced_v1_span_begin(name) : 0;
}

/* run_traced_span_end - it is over. The calling thread goes on with what it worked for before. */
static inline void run_traced_span_end(run_traced_span span)
{
    if (run_traced_v1_span_end)
        run_traced_v1_span_end(span);
}

/* run_traced_span_fail - it has failed; it still has to be ended. @error_type: of low cardinality, as error.type is; NULL: "error".
 * @message: for people, at most 64 bytes count; NULL: none. The first failure counts. */
static inline void run_traced_span_fail(run_traced_span span, const char *error_type, const char *message)
{
    if (run_traced_v1_span_fail)
        run_traced_v1_span_fail(span, error_type, message);
}

/* run_traced_test_begin - begins a test: a span that also what other threads do belongs to, unless they are known to work for
 * something else. @suite: NULL: none. */
static inline run_traced_span run_traced_test_begin(const char *suite, const char *name)
{
    return run_traced_v1_test_begin ? run_traced_v1_test_begin(suite, name) : 0;
}

/* run_traced_test_end - it is over. One that failed is an error. */
static inline void run_traced_test_end(run_traced_span test, enum run_traced_result result)
{
    if (run_traced_v1_test_end)
        run_traced_v1_test_end(test, (int)result);
}

/* run_traced_set_string, _int, _bool - an attribute. @key: at most 255 bytes of printable ASCII without blanks; of those set more
 * than once the last counts. A span has room for about 1,600 bytes of attributes and events; what is beyond is counted as dropped. */
static inline void run_traced_set_string(run_traced_span span, const char *key, const char *value)
{
    if (run_traced_v1_set_string)
        run_traced_v1_set_string(span, key, value);
}

static inline void run_traced_set_int(run_traced_span span, const char *key, int64_t value)
{
    if (run_traced_v1_set_int)
        run_traced_v1_set_int(span, key, value);
}

static inline void run_traced_set_bool(run_traced_span span, const char *key, int value)
{
    if (run_traced_v1_set_bool)
        run_traced_v1_set_bool(span, key, value);
}

/* run_traced_add_event - something happens now. At most 8 a span; of the name 127 bytes count. */
static inline void run_traced_add_event(run_traced_span span, const char *name)
{
    if (run_traced_v1_add_event)
        run_traced_v1_add_event(span, name);
}

/* run_traced_traceparent - writes the W3C traceparent of what the calling thread works for, with a NUL, to @out, which has @size
 * bytes: for a protocol that run-traced does not know. Returns its length, 55, or 0 if there is none, or too little room. */
static inline size_t run_traced_traceparent(char *out, size_t size)
{
    return run_traced_v1_traceparent ? run_traced_v1_traceparent(out, size) : 0;
}

#ifdef __cplusplus
}
#endif

#endif
