/* fuzz_fastcgi.c - records, parameters and the head of an answer are told the same however their bytes are cut.
 *
 * The first three bytes say how long the pieces are that the rest comes in. Of the rest, records of one direction or of
 * both, PARAMS go to the parser of parameters and STDOUT to that of heads. */
#include "fuzz.h"

#include "base/compiler.h"
#include "wire/cgi_head.h"
#include "wire/fastcgi.h"
#include "wire/fastcgi_params.h"

#include <stdarg.h>

enum { CONTROL_LEN = 3, INPUT_LEN_MAX = 1 << 16 };

/* What was told, with everything left out that may depend on how the input was cut. */
struct reader {
    struct fastcgi_parser parser;
    struct fastcgi_params params;
    struct cgi_head head;
    bool is_invalid;
    bool is_value_cut;   /* it did not fit: what is left of it may differ */
    uint64_t stream_end; /* where the last piece of content ended */
    char text[1 << 20];
    size_t len;
};

static struct reader g_whole, g_other;

static void log_add(struct reader *reader, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(reader->text + reader->len, sizeof reader->text - reader->len, format, arguments);
    va_end(arguments);
    reader->len += (size_t)len;
    FUZZ_CHECK(reader->len < sizeof reader->text, "too much to log");
}

static void log_add_bytes(struct reader *reader, const char *bytes, size_t len)
{
    FUZZ_CHECK(reader->len + len < sizeof reader->text, "too much to log");
    memcpy(reader->text + reader->len, bytes, len);
    reader->len += len;
}

static void pair_note(struct reader *reader, const struct fastcgi_pair *pair, const struct fastcgi_event *event)
{
    bool is_here = pair->value >= event->bytes && pair->value + pair->value_len <= event->bytes + event->len;
    bool is_kept = pair->value == reader->params.value && pair->value_len <= sizeof reader->params.value;
    FUZZ_CHECK(is_here || is_kept, "%zu bytes lie elsewhere", pair->value_len);
    FUZZ_CHECK(pair->name_len <= FASTCGI_NAME_LEN_MAX, "%zu", pair->name_len);
    reader->is_value_cut = reader->is_value_cut || pair->is_cut || pair->value_len > FASTCGI_VALUE_LEN_MAX;
    log_add(reader, "\npair ");
    log_add_bytes(reader, pair->name, pair->name_len);
    log_add(reader, "=");
    log_add_bytes(reader, pair->value, pair->value_len);
    if (pair->value_len)
        log_add(reader, "@%lld", (long long)pair->offset);
}

static void pairs_take(struct reader *reader, const struct fastcgi_event *event)
{
    struct fastcgi_pair pair;
    for (size_t at = 0;;) {
        size_t left = event->len - at;
        size_t taken = fastcgi_params_next(&reader->params, event->bytes + at, left, event->offset + at, &pair);
        FUZZ_CHECK(taken <= left && (taken || !left || pair.is_complete), "%zu of %zu bytes", taken, left);
        at += taken;
        if (!pair.is_complete) {
            FUZZ_CHECK(at == event->len, "more, with %zu left", event->len - at);
            return;
        }
        pair_note(reader, &pair, event);
    }
}

static void head_take(struct reader *reader, const struct fastcgi_event *event)
{
    bool was_done = reader->head.is_done;
    size_t taken = cgi_head_take(&reader->head, event->bytes, event->len);
    FUZZ_CHECK(taken <= event->len && (reader->head.is_done || taken == event->len), "%zu bytes", taken);
    FUZZ_CHECK(!was_done || taken == 0, "more of a head that has ended");
    int status = cgi_head_status(&reader->head);
    FUZZ_CHECK(status == 0 || (status >= 100 && status <= 999), "%d", status);
    if (reader->head.is_done && !was_done)
        log_add(reader, "\nhead %d@%llu", status, (unsigned long long)(event->offset + taken));
}

static void stream_take(struct reader *reader, const struct fastcgi_event *event, const char *bytes, size_t len)
{
    bool is_here = event->bytes >= bytes && event->bytes + event->len <= bytes + len;
    FUZZ_CHECK(is_here && event->len, "%zu bytes lie elsewhere", event->len);
    if (event->offset != reader->stream_end)
        log_add(reader, "\n%d.%d@%llu ", event->record_type, event->request_id, (unsigned long long)event->offset);
    reader->stream_end = event->offset + event->len;
    if (event->record_type == FASTCGI_PARAMS)
        pairs_take(reader, event);
    else if (event->record_type == FASTCGI_STDOUT)
        head_take(reader, event);
    else
        log_add_bytes(reader, event->bytes, event->len);
}

static void event_note(struct reader *reader, const struct fastcgi_event *event, const char *bytes, size_t len)
{
    FUZZ_CHECK(event->type == FASTCGI_MORE || event->type == FASTCGI_INVALID || event->request_id ||
                   event->type == FASTCGI_BEGIN || event->type == FASTCGI_END, "a stream of nobody's");
    if (event->type == FASTCGI_STREAM)
        stream_take(reader, event, bytes, len);
    else if (event->type != FASTCGI_MORE)
        log_add(reader, "\n%d: %d.%d@%llu=%d", (int)event->type, event->record_type, event->request_id,
                (unsigned long long)event->offset, event->protocol_status);
    reader->is_invalid = event->type == FASTCGI_INVALID;
}

static void reader_feed(struct reader *reader, const char *bytes, size_t len)
{
    char *piece = fuzz_copy(bytes, len);
    struct fastcgi_event event = {.type = FASTCGI_BEGIN};
    for (size_t at = 0; event.type != FASTCGI_MORE && !reader->is_invalid;) {
        size_t taken = fastcgi_next(&reader->parser, piece + at, len - at, &event);
        FUZZ_CHECK(taken <= len - at, "%zu of %zu bytes", taken, len - at);
        FUZZ_CHECK(taken == len - at || event.type != FASTCGI_MORE, "more, with %zu left", len - at - taken);
        at += taken;
        event_note(reader, &event, piece, len);
    }
    free(piece);
}

static void reader_begin(struct reader *reader)
{
    fastcgi_init(&reader->parser);
    fastcgi_params_init(&reader->params);
    cgi_head_init(&reader->head);
    reader->is_invalid = reader->is_value_cut = false;
    reader->stream_end = UINT64_MAX;
    reader->len = 0;
}

static void reader_end(struct reader *reader)
{
    if (!reader->is_invalid)
        log_add(reader, "\nstate %d", reader->parser.state);
}

/* @steps: the lengths of the pieces, in turn. */
static void read_pieces(struct reader *reader, const char *bytes, size_t len, const uint8_t steps[3])
{
    reader_begin(reader);
    for (size_t at = 0, i = 0; at < len && !reader->is_invalid; i++) {
        size_t step = MIN((size_t)steps[i % 3], len - at);
        reader_feed(reader, bytes + at, step);
        at += step;
    }
    reader_end(reader);
}

static void read_whole(struct reader *reader, const char *bytes, size_t len)
{
    reader_begin(reader);
    reader_feed(reader, bytes, len);
    reader_end(reader);
}

static void same_check(const char *how)
{
    if (g_whole.is_value_cut || g_other.is_value_cut)
        return;
    FUZZ_CHECK(g_whole.len == g_other.len && memcmp(g_whole.text, g_other.text, g_whole.len) == 0,
               "%s:\n--- whole\n%.*s\n--- %s\n%.*s\n---", how, (int)g_whole.len, g_whole.text, how, (int)g_other.len,
               g_other.text);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t len)
{
    static const uint8_t single[3] = {1, 1, 1};
    if (len < CONTROL_LEN || len > INPUT_LEN_MAX)
        return -1;
    uint8_t steps[3];
    for (int i = 0; i < 3; i++)
        steps[i] = (uint8_t)(input[i] - ' ');
    if (!steps[0] && !steps[1] && !steps[2])
        steps[0] = 1;
    const char *bytes = (const char *)input + CONTROL_LEN;
    len -= CONTROL_LEN;
    read_whole(&g_whole, bytes, len);
    read_pieces(&g_other, bytes, len, steps);
    same_check("in pieces");
    read_pieces(&g_other, bytes, len, single);
    same_check("byte by byte");
    return 0;
}
