/* baggage.h - the baggage header: members that travel with a request, and which of them become attributes.
 * W3C Baggage, section 3.2. */
#ifndef RUN_TRACED_TRACE_BAGGAGE_H
#define RUN_TRACED_TRACE_BAGGAGE_H

#include "base/compiler.h"
#include "trace/context.h"
#include "trace/span.h"

enum { BAGGAGE_MEMBERS_MAX = 180 };

struct baggage_member {
    const char *key;
    size_t key_len;
    const char *value; /* percent-encoded, without the properties behind it */
    size_t value_len;
};

/* baggage_next - the next well-formed member of a list; others are passed over. @at: where to look from; moves
 * behind what was looked at. @whole: the member with its properties. False at the end. Hot path, signal-safe. */
bool baggage_next(const char **at, const char *end, struct baggage_member *out, const char **whole, size_t *whole_len);

/* baggage_add - adds the members in the value of a header, in order, as they are. A malformed one is left out, and
 * so are the first that does not fit BAGGAGE_LEN_MAX and BAGGAGE_MEMBERS_MAX and all behind it. Hot path,
 * signal-safe. */
void baggage_add(struct span_context *context, const char *value, size_t len);

/* baggage_describe - the members that RUN_TRACED_BAGGAGE_ATTRIBUTES names become attributes: key and decoded value,
 * as by OpenTelemetry's baggage span processors; by "*" those of keys known to be secrets are REDACTED. Hot path, signal-safe. */
void baggage_members_describe(struct span *span, const struct span_context *context);
static inline void baggage_describe(struct span *span, const struct span_context *context)
{
    if (UNLIKELY(context->baggage_len))
        baggage_members_describe(span, context);
}

/* baggage_init - reads RUN_TRACED_BAGGAGE_ATTRIBUTES: keys parted by commas, or "*". Library start-up. */
void baggage_init(void);

#endif
