/* OTLP in protobuf: the exact bytes, groups, and valid messages whatever a record says. */
#include "backend/protobuf.h"
#include "support/guarded.h"
#include "support/otlp_check.h"
#include "support/random_record.h"
#include "support/sample_batch.h"

#include "base/compiler.h"

#include <criterion/criterion.h>
#include <errno.h>

static const struct format *const FORMAT = &FORMAT_OTLP_PROTOBUF;

enum { ROOM = 64 * 1024 };

_Static_assert(sizeof RUN_TRACED_VERSION == 6, "the lengths below are those with a version of five characters");

/* As opentelemetry-proto's own decoder reads it (e2e/test_formats.py). Lengths that were reserved have four bytes. */
static const char FULL[] =
    "\x0a\x8f\x85\x80\x00" /* resource_spans: 655 bytes */
    "\x0a\x86\x81\x80\x00" /* resource: 134 bytes */
    "\x0a\x17" "\x0a\x0cservice.name\x12\x07\x0a\x05order"
    "\x0a\x12" "\x0a\x0bprocess.pid\x12\x03\x18\xe7$"
    "\x0a\x21" "\x0a\x17process.executable.name\x12\x06\x0a\x04shop"
    "\x0a\x12" "\x0a\x09host.name\x12\x05\x0a\x03" "box"
    "\x0a\x20" "\x0a\x16" "deployment.environment\x12\x06\x0a\x04test"
    "\x12\xff\x83\x80\x00" /* scope_spans: 511 bytes */
    "\x0a\x93\x80\x80\x00" "\x0a\x0arun-traced\x12\x05" RUN_TRACED_VERSION /* scope */
    "\x1a\x27" "https://opentelemetry.io/schemas/1.33.0" /* schema_url */
    "\x12\xb9\x83\x80\x00" /* spans: 441 bytes */
    "\x0a\x10" "\x0a\x0a\x0a\x0a\x0a\x0a\x0a\x0a\x0a\x0a\x0a\x0a\x0a\x0a\x0a\x0a" /* trace_id */
    "\x12\x08" "\xcb\xcb\xcb\xcb\xcb\xcb\xcb\xcb" /* span_id */
    "\x1a\x07" "a=1,b=2" /* trace_state */
    "\x22\x08" "\xb7\xadkqi 31" /* parent_span_id */
    "\x85\x01\x03\x00\x00\x00" /* flags */
    "\x2a\x04" "POST" /* name */
    "\x30\x03" /* kind: CLIENT */
    "\x39\xe7" "9\x8f\xfa\xfd\x9c\x97\x17" /* start_time_unix_nano */
    "\x41\xe7" "A>*\xfe\x9c\x97\x17" /* end_time_unix_nano */
    "\x4a\x20" "\x0a\x0eserver.address\x12\x0e\x0a\x0cshop.example"
    "\x4a\x12" "\x0a\x0bserver.port\x12\x03\x18\x90\x3f"
    "\x4a\x23" "\x0a\x14network.peer.address\x12\x0b\x0a\x09" "192.0.2.7"
    "\x4a\x1a" "\x0a\x0a" "error.type\x12\x0c\x0a\x0a" "ECONNRESET"
    "\x4a\x21" "\x0a\x1brun_traced.parent.ambiguous\x12\x02\x10\x01"
    "\x4a\x24" "\x0a\x15run_traced.sent_bytes\x12\x0b\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"
    "\x4a\xb2\x80\x80\x00" "\x0a\x15http.request.header.x\x12\x96\x80\x80\x00*\x91\x80\x80\x00\x0a\x85\x80\x80\x00\x0a\x03" "a\"b\x0a\x82\x80\x80\x00\x0a\x00"
    "\x4a\x10" "\x0a\x09thread.id\x12\x03\x18\xe8$"
    "\x50\x02" /* dropped_attributes_count */
    "\x5a\x92\x80\x80\x00" "\x09\xff" "5\x8f\xfa\xfd\x9c\x97\x17\x12\x07" "connect" /* an event */
    "\x5a\x94\x80\x80\x00" "\x09\x87\xc0\x90\xfa\xfd\x9c\x97\x17\x12\x09" "connected"
    "\x6a\x9c\x80\x80\x00" "\x0a\x10\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x12\x08\"\"\"\"\"\"\"\"" /* a link */
    "\x7a\x89\x80\x80\x00" "\x12\x05reset\x18\x02" /* status */;

static struct text *finish(struct batch *batch)
{
    struct text unused = text_on(NULL, 0);
    return FORMAT->finish(batch, &unused);
}

static struct otlp_count assert_valid(const struct text *text)
{
    struct otlp_count count;
    const char *problem = otlp_problem(text->bytes, text->len, &count);
    cr_assert_null(problem, "%s", problem);
    return count;
}

static bool has(const struct text *text, const char *bytes, size_t len)
{
    return memmem(text->bytes, text->len, bytes, len);
}

#define HAS(text, literal) has(text, literal, sizeof(literal) - 1)

Test(format_otlp_proto, writes_every_field_of_a_span)
{
    struct batch *batch = sample_batch(FORMAT, ROOM);
    struct resource resource;
    struct span span;
    sample_span(&span);
    cr_assert_eq(sample_batch_add(FORMAT, batch, &span, sample_resource(&resource)), 0);
    struct text *text = finish(batch);
    cr_assert_eq(text->len, sizeof FULL - 1);
    for (size_t i = 0; i < text->len; i++)
        cr_assert_eq(text->bytes[i], FULL[i], "%02x, not %02x, at %zu", (uint8_t)text->bytes[i], (uint8_t)FULL[i], i);
    assert_valid(text);
    sample_batch_free(batch);
}

Test(format_otlp_proto, leaves_out_what_a_span_has_not)
{
    struct batch *batch = sample_batch(FORMAT, ROOM);
    struct resource resource = {0};
    struct span span;
    sample_span_small(&span);
    cr_assert_eq(sample_batch_add(FORMAT, batch, &span, &resource), 0);
    struct text *text = finish(batch);
    assert_valid(text);
    static const char expected[] = "\x12\xb2\x80\x80\x00" /* span: 50 bytes */
                                   "\x0a\x10\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01"
                                   "\x12\x08\x02\x02\x02\x02\x02\x02\x02\x02"
                                   "\x2a\x00" /* no name */
                                   "\x30\x01" /* INTERNAL */
                                   "\x39\x00\xca\x9a\x3b\x00\x00\x00\x00"
                                   "\x41\x90\xcb\x9a\x3b\x00\x00\x00\x00";
    cr_assert_gt(text->len, sizeof expected - 1);
    cr_assert_arr_eq(text->bytes + text->len - (sizeof expected - 1), expected, sizeof expected - 1);
    cr_assert(HAS(text, "service.name\x12\x11\x0a\x0funknown_service"));
    sample_batch_free(batch);
}

Test(format_otlp_proto, what_a_group_has_in_common_comes_once)
{
    struct batch *batch = sample_batch(FORMAT, ROOM);
    struct resource resource;
    struct span span;
    static const struct {
        int32_t pid;
        unsigned groups;
    } rows[] = {{1, 1}, {1, 1}, {2, 2}, {2, 2}, {2, 2}, {1, 3}};
    sample_resource(&resource);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        sample_span(&span);
        span.pid = rows[i].pid;
        cr_assert_eq(sample_batch_add(FORMAT, batch, &span, &resource), 0);
        struct otlp_count count = assert_valid(finish(batch)); /* valid after each */
        cr_assert_eq(count.spans, i + 1);
        cr_assert_eq(count.resource_spans, rows[i].groups);
    }
    sample_batch_free(batch);
}

Test(format_otlp_proto, repairs_strings_that_are_no_utf8)
{
    struct batch *batch = sample_batch(FORMAT, ROOM);
    static const struct attribute_element element = {"\xed\xa0\x80", 3};
    struct resource resource;
    struct span span;
    sample_resource(&resource)->service_name[0] = (char)0x80;
    sample_span(&span);
    span_set_string(&span, ATTRIBUTE_URL_PATH, "/\xff\xc3\xa9", 4);
    span_set_custom_array(&span, "a", 1, &element, 1);
    span_set_name(&span, "\xc3", 1);
    memcpy(span.message, "\xf5", span.message_len = 1);
    cr_assert_eq(sample_batch_add(FORMAT, batch, &span, &resource), 0);
    struct text *text = finish(batch);
    assert_valid(text);
    cr_expect(HAS(text, "\x12\x09\x0a\x07\xef\xbf\xbdrder"));
    cr_expect(HAS(text, "url.path\x12\x08\x0a\x06/\xef\xbf\xbd\xc3\xa9"));
    cr_expect(HAS(text, "\x0a\x09\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"));
    cr_expect(HAS(text, "\x2a\x03\xef\xbf\xbd\x30"));
    cr_expect(HAS(text, "\x12\x03\xef\xbf\xbd\x18\x02"));
    sample_batch_free(batch);
}

Test(format_otlp_proto, numbers_of_any_size)
{
    static const struct {
        int64_t number;
        const char *bytes;
        size_t len;
    } rows[] = {
        {0, "\x12\x02\x18\x00", 4},
        {127, "\x12\x02\x18\x7f", 4},
        {128, "\x12\x03\x18\x80\x01", 5},
        {16384, "\x12\x04\x18\x80\x80\x01", 6},
        {INT64_MAX, "\x12\x0a\x18\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 12},
        {INT64_MIN, "\x12\x0b\x18\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 13},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct batch *batch = sample_batch(FORMAT, ROOM);
        struct resource resource = {0};
        struct span span;
        sample_span_small(&span);
        span_set_int(&span, ATTRIBUTE_SENT_BYTES, rows[i].number);
        cr_assert_eq(sample_batch_add(FORMAT, batch, &span, &resource), 0);
        assert_valid(finish(batch));
        cr_expect(has(&batch->text, rows[i].bytes, rows[i].len), "%zu", i);
        sample_batch_free(batch);
    }
}

Test(format_otlp_proto, varint_lengths_are_those_that_are_written)
{
    for (unsigned bit = 0; bit < 64; bit++)
        for (int off = -1; off <= 1; off++) {
            uint64_t value = (1ULL << bit) + (uint64_t)off;
            char bytes[16];
            cr_assert_eq(protobuf_put_varint(bytes, value) - bytes, (ptrdiff_t)protobuf_varint_len(value), "%u %d", bit, off);
        }
}

Test(format_otlp_proto, too_little_room_leaves_the_batch_alone)
{
    struct resource resource;
    struct span first, second;
    sample_span_small(&first);
    sample_span(&second);
    sample_resource(&resource);
    size_t full_len = 0, first_len = 0;
    for (size_t room = 3000; room-- > 0;) {
        struct batch *batch = sample_batch(FORMAT, room);
        int result = sample_batch_add(FORMAT, batch, &first, &resource);
        first_len = first_len ? first_len : batch->text.len;
        cr_assert_eq(batch->text.len, result ? 0 : first_len);
        int second_result = result ? result : sample_batch_add(FORMAT, batch, &second, &resource);
        cr_assert(second_result == 0 || second_result == -ENOSPC);
        full_len = full_len ? full_len : batch->text.len;
        cr_assert_eq(batch->text.len, result ? 0 : second_result ? first_len : full_len);
        cr_assert_not(batch->text.overflowed);
        if (!result)
            cr_assert_eq(assert_valid(finish(batch)).spans, second_result ? 1 : 2);
        cr_assert(room < full_len + BATCH_END_LEN_MAX + 64 || second_result == 0);
        sample_batch_free(batch);
    }
}

Test(format_otlp_proto, refuses_what_is_no_span)
{
    struct batch *batch = sample_batch(FORMAT, ROOM);
    struct resource resource = {0};
    struct span span;
    sample_span(&span);
    span.kind = 3;
    cr_assert_eq(sample_batch_add(FORMAT, batch, &span, &resource), -EINVAL);
    cr_assert_eq(batch->text.len, 0);
    sample_batch_free(batch);
}

Test(format_otlp_proto, random_records_make_valid_messages)
{
    struct batch *batch = sample_batch(FORMAT, 4 * ROOM);
    struct span *span = (struct span *)guarded_room(sizeof *span);
    struct resource resource;
    uint64_t seed = 1;
    unsigned added = 0;
    for (int i = 0; i < 20000; i++) {
        random_record(span, &resource, &seed);
        int result = sample_batch_add(FORMAT, batch, span, &resource);
        cr_assert(result == 0 || result == -EINVAL || result == -ENOSPC);
        added += result == 0;
        if (result != -ENOSPC && i % 16)
            continue;
        cr_assert_eq(assert_valid(finish(batch)).spans, batch->span_count);
        batch->text.len = batch->span_count = 0;
        FORMAT->begin(batch);
    }
    cr_assert_gt(added, 15000);
    sample_batch_free(batch);
}
