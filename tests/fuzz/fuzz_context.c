/* fuzz_context.c - traceparent and tracestate: what is accepted is what the grammar of W3C Trace Context
 * accepts, here written down once more, and what goes out again is equivalent and well-formed.
 *
 * The input's first line is a traceparent value, each further one a tracestate value: lines end in LF, so
 * that every other byte may stand in a value. */
#include "fuzz.h"

#include "base/compiler.h"
#include "trace/traceparent.h"
#include "wire/http_head.h"

/* ---- the grammar, level 2 ---- */

struct piece {
    const char *bytes;
    size_t len;
};

static struct piece piece_trim(struct piece piece)
{
    while (piece.len && strchr(" \t", piece.bytes[0]) && piece.bytes[0]) {
        piece.bytes++;
        piece.len--;
    }
    while (piece.len && strchr(" \t", piece.bytes[piece.len - 1]) && piece.bytes[piece.len - 1])
        piece.len--;
    return piece;
}

static bool is_one_of(char c, const char *set)
{
    return c && strchr(set, c);
}

static bool is_hex(const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!is_one_of(bytes[i], "0123456789abcdef"))
            return false;
    return true;
}

static bool is_all(const char *bytes, size_t len, char c)
{
    for (size_t i = 0; i < len; i++)
        if (bytes[i] != c)
            return false;
    return true;
}

/* "00-" 32HEXDIGLC "-" 16HEXDIGLC "-" 2HEXDIGLC; a later version may go on behind another "-". */
static bool traceparent_is_valid(struct piece v)
{
    v = piece_trim(v);
    return v.len >= 55 && is_hex(v.bytes, 2) && memcmp(v.bytes, "ff", 2) != 0 &&
           v.bytes[2] == '-' && is_hex(v.bytes + 3, 32) && !is_all(v.bytes + 3, 32, '0') &&
           v.bytes[35] == '-' && is_hex(v.bytes + 36, 16) && !is_all(v.bytes + 36, 16, '0') &&
           v.bytes[52] == '-' && is_hex(v.bytes + 53, 2) &&
           (v.len == 55 || (memcmp(v.bytes, "00", 2) != 0 && v.bytes[55] == '-'));
}

static const char KEY_FIRST[] = "abcdefghijklmnopqrstuvwxyz0123456789";
static const char KEY[] = "abcdefghijklmnopqrstuvwxyz0123456789_-*/@";

static bool member_is_valid(struct piece member)
{
    size_t key_len = 0;
    while (key_len < member.len && member.bytes[key_len] != '=')
        if (!is_one_of(member.bytes[key_len], key_len ? KEY : KEY_FIRST))
            return false;
        else
            key_len++;
    if (key_len == member.len || key_len == 0 || key_len > 256)
        return false;
    size_t value_len = member.len - key_len - 1;
    const char *value = member.bytes + key_len + 1;
    for (size_t i = 0; i < value_len; i++)
        if (value[i] < ' ' || value[i] > '~' || value[i] == ',' || value[i] == '=')
            return false;
    return value_len > 0 && value_len <= 256 && value[value_len - 1] != ' ';
}

static bool key_is_among(struct piece member, const struct piece *members, size_t count)
{
    size_t key_len = 0;
    while (member.bytes[key_len] != '=')
        key_len++;
    for (size_t i = 0; i < count; i++)
        if (members[i].len > key_len && memcmp(members[i].bytes, member.bytes, key_len + 1) == 0)
            return true;
    return false;
}

static size_t list_write(const struct piece *members, size_t count, char *out)
{
    size_t len = 0;
    for (size_t i = 0; i < count; i++) {
        if (!members[i].len)
            continue;
        if (len)
            out[len++] = ',';
        memcpy(out + len, members[i].bytes, members[i].len);
        len += members[i].len;
    }
    return len;
}

/* The members of a list without the empty ones; @out becomes as many as fit a tracestate of 512 bytes: those
 * of more than 128 go first. Returns false if any is invalid, a key comes twice or there are too many. */
static bool tracestate_expect(struct piece list, char *out, size_t *out_len)
{
    struct piece members[32];
    char whole[32 * 514];
    size_t count = 0;
    for (size_t at = 0; at < list.len;) {
        const char *comma = memchr(list.bytes + at, ',', list.len - at);
        size_t end = comma ? (size_t)(comma - list.bytes) : list.len;
        struct piece member = piece_trim((struct piece){list.bytes + at, end - at});
        at = end + 1;
        if (!member.len)
            continue;
        if (!member_is_valid(member) || count == 32 || key_is_among(member, members, count))
            return false;
        members[count++] = member;
    }
    for (size_t limit = 129; (*out_len = list_write(members, count, whole)) > 512;) {
        size_t last = count;
        while (last > 0 && members[last - 1].len < limit)
            last--;
        if (last)
            members[last - 1].len = 0;
        else
            limit = 1;
    }
    memcpy(out, whole, *out_len);
    return true;
}

/* ---- the codecs against it ---- */

static void format_check(const struct span_context *context, struct piece from)
{
    char text[TRACEPARENT_LEN];
    struct span_context again;
    uint8_t flags = context->trace_flags;
    FUZZ_CHECK(context->is_valid, "valid without saying so");
    FUZZ_CHECK((flags & ~(TRACE_FLAG_SAMPLED | TRACE_FLAG_RANDOM)) == 0, "flags %02x", flags);
    traceparent_format(context, text);
    FUZZ_CHECK(traceparent_is_valid((struct piece){text, sizeof text}), "%.55s", text);
    FUZZ_CHECK(memcmp(text, "00-", 3) == 0, "%.55s", text);
    FUZZ_CHECK(memcmp(text + 3, from.bytes + 3, 50) == 0, "%.55s is not %.55s", text, from.bytes);
    FUZZ_CHECK(traceparent_parse(text, sizeof text, &again) == 0, "%.55s", text);
    FUZZ_CHECK(memcmp(again.trace_id, context->trace_id, TRACE_ID_LEN) == 0 &&
                   memcmp(again.span_id, context->span_id, SPAN_ID_LEN) == 0 &&
                   again.trace_flags == flags,
               "%.55s is read as another", text);
}

static bool traceparent_check(struct piece value, struct span_context *context)
{
    struct span_context before;
    memset(context, 0xa5, sizeof *context);
    context->is_valid = false;
    memcpy(&before, context, sizeof before);
    int result = traceparent_parse(value.bytes, value.len, context);
    FUZZ_CHECK((result == 0) == traceparent_is_valid(value), "%d for '%.*s'", result,
               (int)value.len, value.bytes);
    if (result < 0)
        FUZZ_CHECK(memcmp(&before, context, sizeof before) == 0, "touched");
    else
        format_check(context, piece_trim(value));
    return result == 0;
}

static void tracestate_check(struct piece list)
{
    struct span_context context = {.is_valid = true}, again = {.is_valid = true};
    char expected[TRACESTATE_LEN_MAX];
    size_t expected_len;
    bool is_valid = tracestate_expect(list, expected, &expected_len);
    int result = tracestate_parse(list.bytes, list.len, &context);
    FUZZ_CHECK((result == 0) == is_valid, "%d for '%.*s'", result, (int)list.len, list.bytes);
    if (result < 0)
        expected_len = 0;
    FUZZ_CHECK(context.tracestate_len == expected_len &&
                   memcmp(context.tracestate, expected, expected_len) == 0,
               "'%.*s', not '%.*s'", context.tracestate_len, context.tracestate, (int)expected_len,
               expected);
    FUZZ_CHECK(tracestate_parse(context.tracestate, context.tracestate_len, &again) == 0 &&
                   again.tracestate_len == context.tracestate_len &&
                   memcmp(again.tracestate, context.tracestate, again.tracestate_len) == 0,
               "'%.*s' is read as another", context.tracestate_len, context.tracestate);
}

/* ---- the same as header fields of one request ---- */

static void field_note(struct http_head *head, const char *name, struct piece value)
{
    /* A parser gives values without white space around them, which lie in its input. */
    value = piece_trim(value);
    struct http1_event event = {.type = HTTP1_HEADER,
                                .name = name,
                                .name_len = strlen(name),
                                .value = value.bytes,
                                .value_len = value.len};
    http_head_note_field(head, &event);
}

static void carried_check(const struct span_context *context)
{
    char expected[TRACESTATE_LEN_MAX];
    size_t expected_len;
    struct piece state = {context->tracestate, context->tracestate_len};
    FUZZ_CHECK(state.len <= TRACESTATE_LEN_MAX, "%zu", state.len);
    FUZZ_CHECK(tracestate_expect(state, expected, &expected_len) && expected_len == state.len,
               "'%.*s' would go on", (int)state.len, state.bytes);
}

static void fields_check(const struct piece *lines, size_t count, bool is_in_store)
{
    struct http_head on_stack, *head = &on_stack;
    struct span_context context;
    if (is_in_store)
        head = http_head_alloc();
    else
        http_head_init(head);
    FUZZ_CHECK(head, "no memory");
    field_note(head, "traceparent", lines[0]);
    for (size_t i = 1; i < count; i++)
        field_note(head, i % 2 ? "tracestate" : "TraceState", lines[i]);
    bool has_context = http_head_extract(head, &context) == PROPAGATOR_CONTEXT;
    FUZZ_CHECK(has_context == traceparent_is_valid(lines[0]), "%d", has_context);
    if (has_context) {
        struct span_context child;
        span_context_child(&child, &context);
        carried_check(&child);
    }
    http_head_free(head);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t len)
{
    struct piece lines[40];
    char *copies[ARRAY_LEN(lines)];
    struct span_context context;
    size_t count = 0;
    for (size_t at = 0; at <= len && count < ARRAY_LEN(lines); count++) {
        const uint8_t *newline = at < len ? memchr(input + at, '\n', len - at) : NULL;
        size_t end = newline ? (size_t)(newline - input) : len;
        copies[count] = fuzz_copy(input + at, end - at);
        lines[count] = (struct piece){copies[count], end - at};
        at = end + 1;
    }
    for (size_t i = 0; i < count; i++) {
        traceparent_check(lines[i], &context);
        tracestate_check(lines[i]);
    }
    fields_check(lines, count, false);
    fields_check(lines, count, true);
    while (count > 0)
        free(copies[--count]);
    return 0;
}
