/* fuzz_connection.c - the whole wire layer: a connection, an application, a kernel and a peer, all of which
 * do what the input says.
 *
 * The input's first line is the play, one letter and one character for how much at a time (amount_of).
 * What follows up to a line "%%" is what our application sends, what follows that, what it is sent.
 *
 *   p q     works for a request that came in: without, with a tracestate (at the beginning only)
 *   w       the application writes          v  in so many pieces from now on
 *   k       the kernel takes so many bytes of each call from now on; 0: all
 *   E       and refuses so many calls       P  the next call fails with EPIPE
 *   r       the application reads           i  another thread does, within the next write
 *   u U     bytes are sent, received unseen z  the application leaves out some bytes
 *   e x s   the peer closes; breaks off; we shut down our end
 *   m       a byte of urgent data is sent (0); the next write is zero copy (1), or is to a file in the end (2)
 *   X       the connection is closed by another thread within the next write
 *   C D     connect(2) begins; ends: succeeded, refused, still going on
 *   n       our memory is refused, the so-manieth time from now
 *   f       there is room for spans, or there is none
 *   c       the connection is closed, and a new one opened
 *
 * What must hold: the application's bytes go out once each and in order, but for the 16 digits of an id;
 * between them stands nothing but whole headers before a blank line, or a whole FastCGI record of parameters
 * before another record; the application is told of its own bytes alone; what was announced is a span; and nothing is held when the connection is closed. */
#include "fuzz.h"

#include "base/compiler.h"
#include "base/slab.h"
#include "export/format_native.h"
#include "trace/active.h"
#include "trace/sink.h"
#include "trace/traceparent.h"
#include "wire/fastcgi_params.h"
#include "wire/transfer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>

#define TRACE_ID "0af7651916cd43dd8448eb211c80319c"
#define INCOMING_ID "b7ad6b7169203331"
#define INCOMING "00-" TRACE_ID "-" INCOMING_ID "-01"
#define TRACESTATE "vendor=1,other=two"

enum { FD = 1 << 19, PLAY_LEN_MAX = 512, ANNOUNCED_MAX = 1024, HELD_MAX = 8192, ID_LEN = 16 };

/* ---- our own memory: who holds what, and when there is none ---- */

struct held {
    struct slab *slab;
    uint32_t index;
};

static struct held g_held[HELD_MAX];
static size_t g_held_count;
static unsigned g_refuse_in; /* 0: never */

void *__real_slab_alloc(struct slab *slab, uint32_t *index);
void __real_slab_free(struct slab *slab, uint32_t index);
void *__wrap_slab_alloc(struct slab *slab, uint32_t *index);
void __wrap_slab_free(struct slab *slab, uint32_t index);

void *__wrap_slab_alloc(struct slab *slab, uint32_t *index)
{
    if (g_refuse_in && --g_refuse_in == 0)
        return NULL;
    FUZZ_CHECK(g_held_count < HELD_MAX, "too much is held");
    void *object = __real_slab_alloc(slab, index);
    FUZZ_CHECK(object, "no memory");
    g_held[g_held_count++] = (struct held){slab, *index};
    return object;
}

void __wrap_slab_free(struct slab *slab, uint32_t index)
{
    size_t i = 0;
    while (i < g_held_count && (g_held[i].slab != slab || g_held[i].index != index))
        i++;
    FUZZ_CHECK(i < g_held_count, "%u is given back that nobody holds", index);
    g_held[i] = g_held[--g_held_count];
    __real_slab_free(slab, index);
}

/* ---- the sink: spans are freed when they have been handed over ---- */

static unsigned g_open_count;
static bool g_is_full;
static char g_ended[ANNOUNCED_MAX][ID_LEN]; /* span ids, in hex */
static size_t g_ended_count;

static void hex_of(const uint8_t *id, char out[ID_LEN])
{
    for (int i = 0; i < SPAN_ID_LEN; i++)
        memcpy(out + 2 * i, HEX_PAIRS + 2 * id[i], 2);
}

static struct span *span_claim(void)
{
    if (g_is_full)
        return NULL;
    struct span *span = malloc(sizeof *span);
    FUZZ_CHECK(span, "no memory");
    memset(span, 0xa5, sizeof *span);
    span->index = ++g_open_count;
    return span;
}

static void span_publish(struct span *span)
{
    static char line[NATIVE_LINE_LEN_MAX];
    static const struct resource resource;
    struct text text = text_on(line, sizeof line);
    FUZZ_CHECK(native_format(span, &resource, &text) == 0, "a span that is none ends");
    FUZZ_CHECK(g_ended_count < ANNOUNCED_MAX, "too many spans");
    hex_of(span->span_id, g_ended[g_ended_count++]);
    g_open_count--;
    free(span);
}

static void span_give_back(struct span *span)
{
    g_open_count--;
    free(span);
}

/* ---- the wire ---- */

enum foreign { FOREIGN_NONE, FOREIGN_HEADER, FOREIGN_VALUE };

struct wire {
    char last;            /* byte of the application's that went out */
    enum foreign foreign; /* what of ours is going out */
    char text[1024];      /* of it */
    size_t len;
    bool is_mixed;        /* some of the value went out unseen, as the application had it */
    char announced[ANNOUNCED_MAX][ID_LEN];
    size_t announced_count;
};

/* The application's own pieces, each in memory of its own. */
struct pieces {
    struct iovec iov[IOV_MAX];
    size_t count;
    const char *bytes; /* what they hold, in one */
    size_t len;
    size_t sent; /* of it, in this write */
};

struct play {
    const char *sent, *received; /* what is left of them */
    size_t sent_len, received_len;
    struct connection *connection;
    struct wire wire;
    struct pieces pieces;
    bool was_opaque;   /* at any time: what was announced may be no span */
    bool is_truthful;  /* the application goes on with what was not taken */
    size_t piece_count;
    size_t kernel_takes, refusals;
    bool is_broken_pipe;
    int next_flags;
    bool is_next_to_file, is_closed_within;
    size_t received_within;
};

static struct play g_play;

static void announced_note(struct wire *wire, const char *id)
{
    FUZZ_CHECK(wire->announced_count < ANNOUNCED_MAX, "too many headers");
    memcpy(wire->announced[wire->announced_count++], id, ID_LEN);
}

static const char *after(const char *at, const char *end, const char *text)
{
    size_t len = strlen(text);
    return at && (size_t)(end - at) >= len && memcmp(at, text, len) == 0 ? at + len : NULL;
}

/* tracestate: VALUE CRLF. */
static bool state_is_whole(const char *text, const char *end)
{
    struct span_context context;
    const char *state = after(text, end, "tracestate: ");
    const char *state_end = state ? memchr(state, '\r', (size_t)(end - state)) : NULL;
    if (!state_end || end - state_end < 2)
        return false;
    FUZZ_CHECK(tracestate_parse(state, (size_t)(state_end - state), &context) == 0 &&
                   after(state_end, end, "\r\n") == end,
               "%.*s", (int)(end - text), text);
    return true;
}

/* traceparent: VALUE CRLF, and tracestate: VALUE CRLF or nothing; the latter alone where the application passes on
 * the former. */
static bool header_is_whole(const char *text, size_t len)
{
    struct span_context context;
    const char *end = text + len, *value = after(text, end, "traceparent: ");
    if (!value)
        return state_is_whole(text, end);
    if (end - value < TRACEPARENT_LEN + 2)
        return false;
    FUZZ_CHECK(memcmp(value, "00-", 3) == 0 && traceparent_parse(value, TRACEPARENT_LEN, &context) == 0,
               "%.*s", (int)len, text);
    const char *at = after(value + TRACEPARENT_LEN, end, "\r\n");
    FUZZ_CHECK(at, "%.*s", (int)len, text);
    return at == end || state_is_whole(at, end);
}

/* A FastCGI record: what of ours begins with its version. */
static bool is_record(const struct wire *wire)
{
    return wire->text[0] == FASTCGI_VERSION;
}

/* Nothing but parameters, each of them whole. */
static void record_end(struct wire *wire, char next, bool is_truthful)
{
    static struct fastcgi_params params;
    struct fastcgi_pair pair;
    const uint8_t *header = (const uint8_t *)wire->text;
    size_t at = FASTCGI_HEADER_LEN, content_len = (size_t)(header[4] << 8 | header[5]);
    FUZZ_CHECK(wire->len == at + content_len && header[1] == FASTCGI_PARAMS && header[6] == 0, "half a record");
    FUZZ_CHECK(!is_truthful || next == FASTCGI_VERSION, "a record before %02x", next);
    fastcgi_params_init(&params);
    while (at < wire->len) {
        at += fastcgi_params_next(&params, wire->text + at, wire->len - at, at, &pair);
        FUZZ_CHECK(pair.is_complete && pair.name_len > 5 && memcmp(pair.name, "HTTP_TRACE", 10) == 0, "no pair of ours");
        if (pair.name_len == strlen("HTTP_TRACEPARENT"))
            announced_note(wire, pair.value + TRACEPARENT_PARENT_ID_AT);
    }
    FUZZ_CHECK(fastcgi_params_is_between(&params), "half a pair");
}

/* @is_truthful: else what follows a header that was begun may be anything. */
static void header_end(struct wire *wire, char next, bool is_truthful)
{
    if (is_record(wire)) {
        record_end(wire, next, is_truthful);
        wire->foreign = FOREIGN_NONE;
        wire->len = 0;
        return;
    }
    FUZZ_CHECK(header_is_whole(wire->text, wire->len), "half a header: %.*s", (int)wire->len,
               wire->text);
    FUZZ_CHECK(!is_truthful || next == '\r' || next == '\n', "a header before %02x", next);
    if (memcmp(wire->text, "traceparent", 11) == 0)
        announced_note(wire, wire->text + strlen("traceparent: 00-") + 33);
    wire->foreign = FOREIGN_NONE;
    wire->len = 0;
}

static void foreign_add(struct wire *wire, const char *bytes, size_t len)
{
    FUZZ_CHECK(wire->len + len <= sizeof wire->text, "too much of ours");
    memcpy(wire->text + wire->len, bytes, len);
    wire->len += len;
}

static void header_bytes(struct play *play, const char *bytes, size_t len)
{
    struct wire *wire = &play->wire;
    FUZZ_CHECK(wire->foreign != FOREIGN_VALUE, "a header in the middle of a value");
    FUZZ_CHECK(wire->len || wire->last == '\n' || bytes[0] == FASTCGI_VERSION || !play->is_truthful,
               "a header behind %02x", wire->last);
    wire->foreign = FOREIGN_HEADER;
    foreign_add(wire, bytes, len);
}

static void application_byte(struct pieces *pieces, struct wire *wire)
{
    FUZZ_CHECK(pieces->sent < pieces->len, "more than was to be sent");
    wire->last = pieces->bytes[pieces->sent++];
}

static void value_end(struct wire *wire)
{
    wire->foreign = FOREIGN_NONE;
    wire->is_mixed = false;
    wire->len = 0;
}

/* A whole value, in place of as many bytes of the application's: those that came in, but for version, flags and what a
 * later version has behind them. */
static void value_byte(struct play *play, char byte)
{
    static const char incoming[] = INCOMING;
    struct wire *wire = &play->wire;
    size_t at = wire->len;
    char own = play->pieces.bytes[play->pieces.sent];
    bool is_id = at >= 3 && at < TRACEPARENT_LEN - 2;
    FUZZ_CHECK(!play->is_truthful || !is_id || own == incoming[at], "%c is replaced", own);
    foreign_add(wire, &byte, 1);
    application_byte(&play->pieces, wire);
    if (wire->len < TRACEPARENT_LEN)
        return;
    struct span_context context;
    FUZZ_CHECK(wire->is_mixed || (memcmp(wire->text, "00-", 3) == 0 &&
                                  traceparent_parse(wire->text, TRACEPARENT_LEN, &context) == 0),
               "%.*s", TRACEPARENT_LEN, wire->text);
    if (!wire->is_mixed)
        announced_note(wire, wire->text + TRACEPARENT_PARENT_ID_AT);
    value_end(wire);
}

static void value_bytes(struct play *play, const char *bytes, size_t len)
{
    struct wire *wire = &play->wire;
    FUZZ_CHECK(wire->foreign != FOREIGN_HEADER, "a value in the middle of a header");
    for (size_t i = 0; i < len; i++) {
        if (wire->foreign == FOREIGN_NONE && bytes[i] == ' ') { /* behind the value */
            application_byte(&play->pieces, wire);
            continue;
        }
        FUZZ_CHECK(wire->len || strchr(": \tT", wire->last) || !play->is_truthful, "a value behind %02x", wire->last);
        wire->foreign = FOREIGN_VALUE;
        value_byte(play, bytes[i]);
    }
}

static void application_bytes(struct play *play, const char *bytes, size_t len)
{
    struct wire *wire = &play->wire;
    if (len && wire->foreign == FOREIGN_HEADER)
        header_end(wire, bytes[0], play->is_truthful);
    FUZZ_CHECK(!len || wire->foreign == FOREIGN_NONE, "half a value: %.*s", (int)wire->len, wire->text);
    for (size_t i = 0; i < len; i++) {
        FUZZ_CHECK(play->pieces.sent < play->pieces.len &&
                       bytes[i] == play->pieces.bytes[play->pieces.sent],
                   "byte %02x at %zu is not the application's", bytes[i], play->pieces.sent);
        application_byte(&play->pieces, wire);
    }
}

static bool is_of_pieces(const struct pieces *pieces, const char *bytes)
{
    for (size_t i = 0; i < pieces->count; i++) {
        const char *from = pieces->iov[i].iov_base;
        if (bytes >= from && bytes < from + pieces->iov[i].iov_len)
            return true;
    }
    return false;
}

/* Some of ours: it is known by its beginning, which is a letter or a record's version, or a digit or a blank. */
static void our_bytes(struct play *play, const char *bytes, size_t len)
{
    bool is_header = play->wire.foreign == FOREIGN_HEADER ||
                     (play->wire.foreign == FOREIGN_NONE && (bytes[0] == 't' || bytes[0] == FASTCGI_VERSION));
    if (is_header)
        header_bytes(play, bytes, len);
    else
        value_bytes(play, bytes, len);
}

/* ---- the kernel ---- */

static size_t iov_total(const struct iovec *iov, size_t count)
{
    size_t len = 0;
    for (size_t i = 0; i < count; i++)
        len += iov[i].iov_len;
    return len;
}

/* Returns what a system call would: a count, or a negative errno. */
static ssize_t kernel_send(struct play *play, const struct iovec *iov, size_t count)
{
    size_t offered = iov_total(iov, count), left = offered;
    FUZZ_CHECK(count <= IOV_MAX, "%zu pieces", count);
    if (play->is_broken_pipe) {
        play->is_broken_pipe = false;
        return -EPIPE;
    }
    if (play->refusals) {
        play->refusals--;
        return -EAGAIN;
    }
    if (play->kernel_takes)
        left = MIN(left, play->kernel_takes);
    size_t taken = left;
    for (size_t i = 0; i < count && left > 0; i++) {
        size_t len = MIN(left, iov[i].iov_len);
        if (len && is_of_pieces(&play->pieces, iov[i].iov_base))
            application_bytes(play, iov[i].iov_base, len);
        else if (len)
            our_bytes(play, iov[i].iov_base, len);
        left -= len;
    }
    return (ssize_t)taken;
}

/* ---- the application ---- */

static void pieces_make(struct play *play, size_t len)
{
    struct pieces *pieces = &play->pieces;
    size_t count = MAX(play->piece_count, (size_t)1), at = 0;
    *pieces = (struct pieces){.count = count, .bytes = play->sent, .len = len};
    for (size_t i = 0; i < count; i++) {
        size_t part = i + 1 == count ? len - at : MIN(len - at, len / count);
        pieces->iov[i] = (struct iovec){fuzz_copy(play->sent + at, part), part};
        at += part;
    }
}

static void pieces_free(struct pieces *pieces)
{
    for (size_t i = 0; i < pieces->count; i++)
        free(pieces->iov[i].iov_base);
    pieces->count = 0;
}

static void receive(struct play *play, size_t len)
{
    len = MIN(len, play->received_len);
    if (!len)
        return;
    size_t first = len / 2;
    char *buffers[2] = {fuzz_copy(play->received, first),
                        fuzz_copy(play->received + first, len - first)};
    struct iovec iov[] = {{buffers[0], first}, {buffers[1], len - first}};
    transfer_received(play->connection, connection_generation(play->connection), FD, iov,
                      ARRAY_LEN(iov), len);
    free(buffers[0]);
    free(buffers[1]);
    play->received += len;
    play->received_len -= len;
}

static void open_new(struct play *play)
{
    unsigned refuse_in = g_refuse_in;
    g_refuse_in = 0;
    play->connection = connection_new();
    FUZZ_CHECK(play->connection, "no connection");
    g_refuse_in = refuse_in;
    play->wire = (struct wire){0};
    play->was_opaque = g_is_full || refuse_in;
    play->is_truthful = true;
    g_ended_count = 0;
}

static bool has_ended(const char *id)
{
    for (size_t i = 0; i < g_ended_count; i++)
        if (memcmp(g_ended[i], id, ID_LEN) == 0)
            return true;
    return false;
}

static void closed_check(const struct play *play)
{
    FUZZ_CHECK(g_open_count == 0, "%u spans are still open", g_open_count);
    FUZZ_CHECK(g_held_count == 0, "%zu objects are still held", g_held_count);
    for (size_t i = 0; i < play->wire.announced_count && !play->was_opaque; i++)
        FUZZ_CHECK(has_ended(play->wire.announced[i]), "%.16s was announced and is no span",
                   play->wire.announced[i]);
}

static void opaque_note(struct play *play)
{
    play->was_opaque = play->was_opaque || play->connection->is_opaque || g_is_full || g_refuse_in;
}

static void within_the_call(struct play *play)
{
    size_t received_within = play->received_within;
    play->received_within = 0;
    if (received_within)
        receive(play, received_within);
    if (!play->is_closed_within)
        return;
    opaque_note(play);
    connection_release(play->connection, FD);
}

/* As a wrapper of src/shim does it. Returns what the application is told: a count, or a negative errno. */
static ssize_t send_pieces(struct play *play, int flags)
{
    struct pieces *pieces = &play->pieces;
    struct send_plan plan;
    ssize_t told = 0;
    transfer_send_begin(&plan, play->connection, FD, pieces->iov, pieces->count, flags);
    bool is_edited = plan.is_edited;
    FUZZ_CHECK(!is_edited || play->connection->role == ROLE_CLIENT, "a server's bytes are edited");
    within_the_call(play);
    if (plan.is_tracked && play->is_next_to_file) {
        transfer_send_cancel(&plan);
        return (ssize_t)pieces->len;
    }
    for (;;) {
        size_t before = pieces->sent;
        ssize_t sent = is_edited ? kernel_send(play, plan.iov, plan.iov_count)
                                 : kernel_send(play, pieces->iov, pieces->count);
        int error = sent < 0 ? (int)-sent : 0;
        struct send_outcome outcome = transfer_send_end(&plan, sent < 0 ? -1 : sent, error);
        FUZZ_CHECK(outcome.result < 0 ? sent < 0 && outcome.error == error && pieces->sent == before
                                      : outcome.result == (ssize_t)(pieces->sent - before),
                   "told %zd, %zu went out", outcome.result, pieces->sent - before);
        FUZZ_CHECK(!outcome.is_again || is_edited, "again, without a change");
        told = outcome.result < 0 ? -outcome.error : outcome.result;
        if (!outcome.is_again)
            return told;
        transfer_send_resume(&plan);
    }
}

static void application_write(struct play *play, size_t len)
{
    len = MIN(len, play->sent_len);
    if (!len)
        return;
    pieces_make(play, len);
    ssize_t told = send_pieces(play, play->next_flags);
    pieces_free(&play->pieces);
    play->next_flags = 0;
    if (told > 0) {
        play->sent += told;
        play->sent_len -= (size_t)told;
    }
    if (play->is_next_to_file) /* nothing went out */
        play->is_truthful = false;
    play->is_next_to_file = false;
    opaque_note(play);
    if (play->is_closed_within) {
        play->is_closed_within = false;
        closed_check(play);
        open_new(play);
    }
}

/* A byte of urgent data, which is no part of the stream. */
static void application_urge(struct play *play)
{
    const char *sent = play->sent;
    size_t piece_count = play->piece_count;
    char last = play->wire.last;
    if (play->wire.foreign != FOREIGN_NONE || play->is_closed_within || play->is_next_to_file)
        return;
    play->sent = "!";
    play->piece_count = 1;
    pieces_make(play, 1);
    send_pieces(play, MSG_OOB);
    pieces_free(&play->pieces);
    play->sent = sent;
    play->piece_count = piece_count;
    play->wire.last = last;
}

/* What sendfile(2)'s wrapper does: first what is owed. */
static void send_unseen(struct play *play, size_t len)
{
    size_t owed_len;
    len = MIN(len, play->sent_len);
    if (!len)
        return;
    const char *owed = transfer_owed_begin(play->connection, &owed_len);
    if (play->wire.foreign == FOREIGN_VALUE) {
        struct wire *wire = &play->wire;
        wire->is_mixed = true;
        wire->len = MIN(wire->len + len, (size_t)TRACEPARENT_LEN);
        if (wire->len == TRACEPARENT_LEN)
            value_end(wire);
    }
    if (owed) {
        header_bytes(play, owed, owed_len);
        transfer_owed_end(play->connection, owed_len);
    }
    if (play->wire.foreign == FOREIGN_HEADER)
        header_end(&play->wire, play->sent[0], play->is_truthful);
    transfer_sent_unseen(play->connection, len);
    play->wire.last = play->sent[len - 1];
    play->sent += len;
    play->sent_len -= len;
}

static void receive_unseen(struct play *play, size_t len)
{
    len = MIN(len, play->received_len);
    transfer_received_unseen(play->connection, connection_generation(play->connection), len);
    play->received += len;
    play->received_len -= len;
}

static void leave_out(struct play *play, size_t len)
{
    len = MIN(len, play->sent_len);
    play->sent += len;
    play->sent_len -= len;
    play->is_truthful = false;
}

static void connect_begin(struct play *play)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(80)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connection_connect_begin(play->connection, (struct sockaddr *)&address, sizeof address);
}

static void close_and_open(struct play *play)
{
    opaque_note(play);
    connection_release(play->connection, FD);
    closed_check(play);
    open_new(play);
}

static void receive_end(struct play *play, int error)
{
    transfer_receive_ended(play->connection, connection_generation(play->connection), error);
}

/* ---- the play ---- */

/* '0' to '9' are themselves, letters go on from 10 and grow faster, up to some thousands. */
static size_t amount_of(char c)
{
    if (c >= '0' && c <= '9')
        return (size_t)(c - '0');
    if (c >= 'a' && c <= 'z')
        return (size_t)(10 + 4 * (c - 'a'));
    return c >= 'A' && c <= 'Z' ? (size_t)(128 << (c - 'A') % 7) : (uint8_t)c % 64;
}

static void act_on_sending(struct play *play, char letter, size_t amount)
{
    switch (letter) {
    case 'w':
        application_write(play, amount);
        break;
    case 'v':
        play->piece_count = MIN(amount, (size_t)IOV_MAX);
        break;
    case 'k':
        play->kernel_takes = amount;
        break;
    case 'E':
        play->refusals = amount;
        break;
    case 'P':
        play->is_broken_pipe = true;
        break;
    case 'u':
        send_unseen(play, amount);
        break;
    case 'z':
        leave_out(play, amount);
        break;
    case 'm':
        if (amount % 3 == 0)
            application_urge(play);
        else if (amount % 3 == 1)
            play->next_flags = MSG_ZEROCOPY;
        else
            play->is_next_to_file = true;
        break;
    case 'X':
        play->is_closed_within = true;
        break;
    default:
        break;
    }
}

static void act_on_connection(struct play *play, char letter, size_t amount)
{
    static const int errors[] = {0, ECONNREFUSED, EINPROGRESS};
    switch (letter) {
    case 'r':
        receive(play, amount);
        break;
    case 'i':
        play->received_within = amount;
        break;
    case 'U':
        receive_unseen(play, amount);
        break;
    case 'e':
        receive_end(play, 0);
        break;
    case 'x':
        receive_end(play, ECONNRESET);
        break;
    case 's':
        connection_shutdown_write(play->connection);
        break;
    case 'C':
        connect_begin(play);
        break;
    case 'D':
        connection_connect_end(play->connection, errors[amount % 3]);
        break;
    case 'n':
        g_refuse_in = (unsigned)amount;
        break;
    case 'f':
        g_is_full = amount % 2;
        break;
    case 'c':
        close_and_open(play);
        break;
    default:
        break;
    }
}

static void work_for(const char *tracestate)
{
    struct active_context active = {.source = ACTIVE_NONE};
    struct span_context incoming;
    if (tracestate) {
        FUZZ_CHECK(traceparent_parse(INCOMING, strlen(INCOMING), &incoming) == 0, "not parsed");
        active.source = ACTIVE_SERVER;
        active.has_incoming = true;
        memcpy(active.incoming_span_id, incoming.span_id, SPAN_ID_LEN);
        span_context_child(&active.context, &incoming);
        FUZZ_CHECK(tracestate_parse(tracestate, strlen(tracestate), &active.context) == 0,
                   "not parsed");
    }
    active_set(&active);
}

/* What has not been said yet goes out and comes in at last. */
static void play_finish(struct play *play)
{
    play->kernel_takes = play->refusals = 0;
    play->is_broken_pipe = false;
    application_write(play, play->sent_len);
    receive(play, play->received_len);
    close_and_open(play);
    connection_release(play->connection, FD);
    closed_check(play);
}

static void play_run(struct play *play, const char *script, size_t len)
{
    work_for(len && script[0] == 'p' ? "" : len && script[0] == 'q' ? TRACESTATE : NULL);
    open_new(play);
    for (size_t i = len && (script[0] == 'p' || script[0] == 'q') ? 1 : 0; i + 1 < len; i += 2) {
        size_t amount = amount_of(script[i + 1]);
        act_on_sending(play, script[i], amount);
        act_on_connection(play, script[i], amount);
        opaque_note(play);
    }
    play_finish(play);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t len)
{
    static const struct span_sink sink = {span_claim, span_publish, span_give_back};
    const char *bytes = (const char *)input;
    const char *newline = len ? memchr(bytes, '\n', len) : NULL;
    size_t play_len = newline ? (size_t)(newline - bytes) : 0;
    if (!newline || play_len > PLAY_LEN_MAX)
        return -1;
    const char *sent = newline + 1, *end = bytes + len;
    const char *divider = memmem(sent, (size_t)(end - sent), "%%\n", 3);
    span_sink_set(&sink);
    g_refuse_in = 0;
    g_is_full = false;
    g_open_count = 0;
    g_play = (struct play){.sent = sent,
                           .sent_len = (size_t)((divider ? divider : end) - sent),
                           .received = divider ? divider + 3 : end,
                           .received_len = divider ? (size_t)(end - divider - 3) : 0};
    play_run(&g_play, bytes, play_len);
    return 0;
}
