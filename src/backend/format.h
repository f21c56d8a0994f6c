/* format.h - a backend's format: spans become the bytes of one message, a batch of them at a time. */
#ifndef RUN_TRACED_BACKEND_FORMAT_H
#define RUN_TRACED_BACKEND_FORMAT_H

#include "base/text.h"
#include "trace/resource.h"
#include "trace/span.h"

enum {
    /* A batch has room for this many bytes, and so has the message that is made of it. */
    BATCH_LEN_MAX = 4 * 1024 * 1024,
    BATCH_SPANS_MAX = 8192,
};

/* What a format notes of one span of a batch. */
struct batch_entry {
    uint8_t trace_id[TRACE_ID_LEN];
    uint32_t offset, len; /* of what was written for it, in the batch's text */
};

/* Spans of several processes that go out together. What add() writes is the format's own business: begin() and finish()
 * put the rest around it. */
struct batch {
    struct text text;
    unsigned span_count;
    struct resource resource; /* of the span that was added last */
    int32_t pid;              /* of its process */
    size_t group_at;          /* where what these two have in common begins; a format's own */
    struct batch_entry entries[BATCH_SPANS_MAX];
};

struct format {
    const char *name;         /* as in ?format=NAME, "otlp-json" */
    const char *content_type; /* of a message by HTTP */
    const char *usual_path;   /* of the URL that it is posted to, "/v1/traces" */

    /* begin - @batch is empty; what stands before the first span is written. */
    void (*begin)(struct batch *batch);

    /* add - one more span. @span: any bytes whatever; it does not change meanwhile. @is_same_group: its resource and process
     * are those of the span before it in this batch. Returns 0; -EINVAL where this is no span, -ENOSPC where it did
     * not fit, -EXDEV where a message of this format is of one process, and the batch has spans of another: what is there is
     * to be finished and sent, then the span added to an empty batch. With an error the text is as before. The caller keeps
     * entries[].trace_id, span_count, resource and pid. */
    int (*add)(struct batch *batch, const struct span *span, const struct resource *resource, bool is_same_group);

    /* finish - the message is complete: in batch->text, or in @out, which has room for BATCH_LEN_MAX bytes and is empty.
     * Returns which of the two. There is at least one span. */
    struct text *(*finish)(struct batch *batch, struct text *out);
};

/* For files and terminals: the native line; a line for people. */
extern const struct format FORMAT_NATIVE, FORMAT_CONSOLE;

extern const struct format FORMAT_OTLP_JSON, FORMAT_OTLP_PROTOBUF, FORMAT_ZIPKIN, FORMAT_DATADOG, FORMAT_JAEGER_THRIFT,
    FORMAT_XRAY;

/* What remains free in batch->text for finish(): add() says -ENOSPC before. */
enum { BATCH_END_LEN_MAX = 64 };

#endif
