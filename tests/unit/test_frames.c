/* Frames in a record, and the stacks that are made of them: of any bytes. */
#include "launcher/call_stack.h"

#include "base/compiler.h"
#include "support/random.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct frames_module module_of(const char *path, const char *build_id)
{
    return (struct frames_module){path, (const unsigned char *)build_id, strlen(path), strlen(build_id)};
}

static struct frames two_modules(void)
{
    struct frames frames = {.len = 0};
    struct frames_module shop = module_of("/nowhere/shop", "0123"), library = module_of("/nowhere/lib.so", "");
    cr_assert_eq(frames_add_module(&frames, &shop), 0);
    cr_assert(frames_add(&frames, 0, 0x10));
    cr_assert(frames_add(&frames, -1, 0xffffffffffffffff));
    cr_assert_eq(frames_add_module(&frames, &library), 1);
    cr_assert(frames_add(&frames, 1, 0x20));
    cr_assert(frames_add(&frames, 0, 0x30));
    return frames;
}

Test(frames, are_read_as_they_were_added)
{
    struct frames frames = two_modules();
    struct frames_reader reader;
    struct frames_place place;
    frames_read(&reader, frames.bytes, frames.len);
    cr_assert(frames_next(&reader, &place));
    cr_expect(place.module->path_len == 13 && memcmp(place.module->path, "/nowhere/shop", 13) == 0);
    cr_expect(place.module->build_id_len == 4 && memcmp(place.module->build_id, "0123", 4) == 0);
    cr_expect_eq(place.offset, 0x10);
    cr_assert(frames_next(&reader, &place));
    cr_expect_null(place.module);
    cr_expect_eq(place.offset, 0xffffffffffffffff);
    cr_assert(frames_next(&reader, &place));
    cr_expect(memcmp(place.module->path, "/nowhere/lib.so", 15) == 0 && place.module->build_id_len == 0);
    cr_assert(frames_next(&reader, &place));
    cr_expect(memcmp(place.module->path, "/nowhere/shop", 13) == 0 && place.offset == 0x30);
    cr_expect_not(frames_next(&reader, &place));
}

Test(frames, for_which_there_is_no_room_are_refused)
{
    struct frames frames = {.len = 0};
    char path[FRAMES_LEN_MAX + 1];
    memset(path, 'x', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    struct frames_module huge = module_of(path, ""), small = module_of("/s", "");
    cr_expect_eq(frames_add_module(&frames, &huge), -1);
    cr_expect_eq(frames.len, 0);
    for (int i = 0; i < FRAMES_MODULES_MAX; i++)
        cr_expect_eq(frames_add_module(&frames, &small), i);
    cr_expect_eq(frames_add_module(&frames, &small), -1);
    while (frames_add(&frames, 0, 1))
        ;
    cr_expect_leq(frames.len, sizeof frames.bytes);
    struct frames_reader reader;
    struct frames_place place;
    size_t count = 0;
    frames_read(&reader, frames.bytes, frames.len);
    while (frames_next(&reader, &place))
        count++;
    cr_expect_gt(count, FRAMES_MAX);
}

static bool text_of(const struct span *span, char *out, size_t size)
{
    struct attribute_iterator iterator;
    struct attribute attribute;
    attribute_begin(&iterator, span);
    while (attribute_next(&iterator, &attribute))
        if (attribute.key == ATTRIBUTE_CODE_STACKTRACE) {
            snprintf(out, size, "%.*s", (int)attribute.len, attribute.string);
            return true;
        }
    return false;
}

static struct span *span_with(const void *bytes, size_t len)
{
    static struct span span;
    memset(&span, 0, sizeof span);
    span.kind = SPAN_KIND_CLIENT;
    span_set_int(&span, ATTRIBUTE_THREAD_ID, 1);
    span_set_part(&span, SPAN_PART_FRAMES, bytes, len);
    span_set_string(&span, ATTRIBUTE_URL_PATH, "/order", 6);
    return &span;
}

Test(frames, become_text_where_they_stood)
{
    struct frames frames = two_modules();
    struct call_sites *sites = call_sites_new(0);
    char text[SPAN_BYTES_LEN];
    size_t len;
    struct span *span = span_with(frames.bytes, frames.len);
    call_sites_begin(sites);
    call_stack_describe(sites, span, NULL);
    cr_assert(text_of(span, text, sizeof text));
    cr_expect_str_eq(text,
                     "at /nowhere/shop+0x10\nat 0xffffffffffffffff\nat /nowhere/lib.so+0x20\nat /nowhere/shop+0x30");
    cr_expect_null(span_part(span, SPAN_PART_FRAMES, &len));
    struct attribute_iterator iterator;
    struct attribute attribute;
    int count = 0;
    attribute_begin(&iterator, span);
    while (attribute_next(&iterator, &attribute))
        count++;
    cr_expect_eq(count, 3, "the others are there still");
    call_sites_free(sites);
}

Test(frames, that_are_any_bytes_are_read_as_far_as_they_go)
{
    struct frames frames = two_modules();
    struct call_sites *sites = call_sites_new(0);
    uint64_t seed = 1;
    for (int i = 0; i < 2000; i++) {
        struct frames bad = frames;
        size_t len = random_below(&seed, frames.len + 1);
        for (size_t changes = random_below(&seed, 4); changes > 0; changes--)
            bad.bytes[random_below(&seed, frames.len)] = (char)random_below(&seed, 256);
        struct span *span = span_with(bad.bytes, len);
        call_sites_begin(sites);
        call_stack_describe(sites, span, NULL);
        cr_assert_leq(span_attributes_end(span), sizeof span->bytes);
    }
    call_sites_free(sites);
}

Test(frames, for_whose_text_there_is_no_room_are_counted)
{
    struct frames frames = {.len = 0};
    struct call_sites *sites = call_sites_new(0);
    char path[160], text[SPAN_BYTES_LEN];
    memset(path, 'x', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    struct frames_module module = module_of(path, "");
    int number = frames_add_module(&frames, &module);
    for (int i = 0; i < FRAMES_MAX; i++)
        cr_assert(frames_add(&frames, number, (uint64_t)i));
    struct span *span = span_with(frames.bytes, frames.len);
    call_sites_begin(sites);
    call_stack_describe(sites, span, NULL);
    cr_assert(text_of(span, text, sizeof text));
    int lines = 0, rest = 0;
    for (const char *at = text; (at = strchr(at, '\n')); at++)
        lines++;
    cr_assert_eq(sscanf(strrchr(text, '\n'), "\n... and %d more", &rest), 1, "%s", text);
    cr_expect_eq(lines + rest, FRAMES_MAX);
    cr_expect_eq(span->dropped_attributes_count, 0);
    call_sites_free(sites);
}
