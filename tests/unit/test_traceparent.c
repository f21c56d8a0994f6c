/* test_traceparent.c - traceparent and tracestate, to the letter of W3C Trace Context level 2. */
#include "trace/traceparent.h"

#include "base/compiler.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

enum { PAGE_LEN = 4096 };

/* A copy of the input whose end is the end of readable memory: one byte too far is a fault. */
static const char *guarded(const char *input, size_t len)
{
    static char *pages;
    if (!pages) {
        pages =
            mmap(NULL, 8 * PAGE_LEN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        cr_assert_neq(pages, MAP_FAILED);
        cr_assert_eq(mprotect(pages + 7 * PAGE_LEN, PAGE_LEN, PROT_NONE), 0);
    }
    cr_assert_leq(len, 7 * PAGE_LEN);
    return memcpy(pages + 7 * PAGE_LEN - len, input, len);
}

#define TRACE_ID "0af7651916cd43dd8448eb211c80319c"
#define SPAN_ID "b7ad6b7169203331"
#define VALID "00-" TRACE_ID "-" SPAN_ID "-01"

static const uint8_t TRACE_ID_BYTES[] = {0x0a, 0xf7, 0x65, 0x19, 0x16, 0xcd, 0x43, 0xdd,
                                         0x84, 0x48, 0xeb, 0x21, 0x1c, 0x80, 0x31, 0x9c};
static const uint8_t SPAN_ID_BYTES[] = {0xb7, 0xad, 0x6b, 0x71, 0x69, 0x20, 0x33, 0x31};

static int parse(const char *value, size_t len, struct span_context *out)
{
    return traceparent_parse(guarded(value, len), len, out);
}

Test(traceparent, valid_values_are_decoded)
{
    static const struct {
        const char *name, *value;
        uint8_t trace_flags;
    } rows[] = {
        {"sampled", VALID, 0x01},
        {"not sampled", "00-" TRACE_ID "-" SPAN_ID "-00", 0x00},
        {"random", "00-" TRACE_ID "-" SPAN_ID "-02", 0x02},
        {"sampled and random", "00-" TRACE_ID "-" SPAN_ID "-03", 0x03},
        {"flags that mean nothing yet", "00-" TRACE_ID "-" SPAN_ID "-ff", 0x03},
        {"a future version of the same length", "cc-" TRACE_ID "-" SPAN_ID "-01", 0x01},
        {"a future version with more behind a dash", "cc-" TRACE_ID "-" SPAN_ID "-01-what", 0x01},
        {"a future version with just a dash", "01-" TRACE_ID "-" SPAN_ID "-01-", 0x01},
        {"the last version there can be", "fe-" TRACE_ID "-" SPAN_ID "-01", 0x01},
        {"blanks around", " \t " VALID "\t \t", 0x01},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct span_context context = {.tracestate_len = 99};
        cr_assert_eq(parse(rows[i].value, strlen(rows[i].value), &context), 0, "%s", rows[i].name);
        cr_assert(context.is_valid);
        cr_assert_arr_eq(context.trace_id, TRACE_ID_BYTES, TRACE_ID_LEN, "%s", rows[i].name);
        cr_assert_arr_eq(context.span_id, SPAN_ID_BYTES, SPAN_ID_LEN, "%s", rows[i].name);
        cr_assert_eq(context.trace_flags, rows[i].trace_flags, "%s", rows[i].name);
        cr_assert_eq(context.tracestate_len, 0, "%s", rows[i].name);
    }
}

static void assert_rejected(const char *name, const char *value, size_t len)
{
    struct span_context context, before;
    memset(&context, 0xa5, sizeof context);
    memcpy(&before, &context, sizeof context);
    cr_assert_eq(parse(value, len, &context), -EINVAL, "%s", name);
    cr_assert_eq(memcmp(&context, &before, sizeof context), 0, "%s: the output was touched", name);
}

Test(traceparent, invalid_values_are_rejected_and_leave_no_trace)
{
    static const struct {
        const char *name, *value;
    } rows[] = {
        {"empty", ""},
        {"blanks", "  \t"},
        {"version ff", "ff-" TRACE_ID "-" SPAN_ID "-01"},
        {"version 00 with a tail", VALID "-what"},
        {"version 00 with a dash", VALID "-"},
        {"version 00 with a dot", VALID "."},
        {"a future version with a dot", "cc-" TRACE_ID "-" SPAN_ID "-01.what"},
        {"a future version with a digit more", "cc-" TRACE_ID "-" SPAN_ID "-010"},
        {"a future version and a blank", "cc-" TRACE_ID "-" SPAN_ID "-01 what"},
        {"trace id all zero", "00-00000000000000000000000000000000-" SPAN_ID "-01"},
        {"parent id all zero", "00-" TRACE_ID "-0000000000000000-01"},
        {"upper case trace id", "00-0AF7651916CD43DD8448EB211C80319C-" SPAN_ID "-01"},
        {"upper case parent id", "00-" TRACE_ID "-B7AD6B7169203331-01"},
        {"upper case version", "CC-" TRACE_ID "-" SPAN_ID "-01"},
        {"upper case flags", "00-" TRACE_ID "-" SPAN_ID "-0A"},
        {"version not hex", "0x-" TRACE_ID "-" SPAN_ID "-01"},
        {"trace id not hex", "00-0af7651916cd43dd8448eb211c80319g-" SPAN_ID "-01"},
        {"parent id not hex", "00-" TRACE_ID "-b7ad6b716920333g-01"},
        {"flags not hex", "00-" TRACE_ID "-" SPAN_ID "-.0"},
        {"trace id a digit short", "00-0af7651916cd43dd8448eb211c80319-" SPAN_ID "-01"},
        {"trace id a digit long", "00-" TRACE_ID "c-" SPAN_ID "-01"},
        {"parent id a digit short", "00-" TRACE_ID "-b7ad6b716920333-01"},
        {"parent id a digit long", "00-" TRACE_ID "-" SPAN_ID "1-01"},
        {"flags a digit short", "00-" TRACE_ID "-" SPAN_ID "-1"},
        {"version a digit short", "0-" TRACE_ID "-" SPAN_ID "-01"},
        {"version a digit long", "000-" TRACE_ID "-" SPAN_ID "-01"},
        {"underscores for dashes", "00_" TRACE_ID "_" SPAN_ID "_01"},
        {"first dash missing", "000" TRACE_ID "-" SPAN_ID "-01"},
        {"second dash missing", "00-" TRACE_ID "0" SPAN_ID "-01"},
        {"third dash missing", "00-" TRACE_ID "-" SPAN_ID "001"},
        {"a blank inside", "00-" TRACE_ID " -" SPAN_ID "-01"},
        {"two values", VALID "," VALID},
        {"a line end in front", "\n" VALID},
        {"a line end behind", VALID "\r\n"},
        {"a header smuggled in", "cc-" TRACE_ID "-" SPAN_ID "-01\r\nX: y"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_rejected(rows[i].name, rows[i].value, strlen(rows[i].value));
    assert_rejected("a NUL behind", VALID, sizeof VALID);
    assert_rejected("a NUL inside", "00-\0af7651916cd43dd8448eb211c80319c-" SPAN_ID "-01", 55);
}

Test(traceparent, every_truncation_is_rejected)
{
    for (size_t len = 0; len < TRACEPARENT_LEN; len++)
        assert_rejected("truncated", VALID, len);
}

Test(traceparent, truncations_of_a_future_version_are_good_from_its_known_part_on)
{
    static const char future[] = "cc-" TRACE_ID "-" SPAN_ID "-01-more-to-come";
    for (size_t len = 0; len < sizeof future - 1; len++) {
        struct span_context context;
        cr_assert_eq(parse(future, len, &context), len < TRACEPARENT_LEN ? -EINVAL : 0, "%zu", len);
    }
}

Test(traceparent, every_single_byte_counts)
{
    static const char hex[] = "0123456789abcdef";
    for (size_t at = 0; at < TRACEPARENT_LEN; at++) {
        for (int c = 0; c < 256; c++) {
            char value[] = VALID;
            struct span_context context;
            bool is_dash = value[at] == '-';
            value[at] = (char)c;
            bool good = is_dash ? c == '-' : c && strchr(hex, c);
            cr_assert_eq(parse(value, TRACEPARENT_LEN, &context), good ? 0 : -EINVAL,
                         "byte %zu as 0x%02x", at, c);
        }
    }
}

Test(traceparent, format_and_parse_are_each_others_inverse)
{
    struct span_context context;
    char out[TRACEPARENT_LEN + 1];
    memset(out, '#', sizeof out);
    cr_assert_eq(parse(VALID, TRACEPARENT_LEN, &context), 0);
    traceparent_format(&context, out);
    cr_assert_arr_eq(out, VALID "#", TRACEPARENT_LEN + 1);
}

Test(traceparent, a_future_version_goes_on_as_version_00_with_the_known_flags)
{
    static const char future[] = "cc-" TRACE_ID "-" SPAN_ID "-ff-what";
    struct span_context context;
    char out[TRACEPARENT_LEN];
    cr_assert_eq(parse(future, sizeof future - 1, &context), 0);
    traceparent_format(&context, out);
    cr_assert_arr_eq(out, "00-" TRACE_ID "-" SPAN_ID "-03", TRACEPARENT_LEN);
}

Test(traceparent, the_parent_id_stands_where_the_header_says)
{
    cr_assert_arr_eq(VALID + TRACEPARENT_PARENT_ID_AT, SPAN_ID "-", TRACEPARENT_PARENT_ID_LEN + 1);
    cr_assert_eq(sizeof VALID - 1, TRACEPARENT_LEN);
}

/* tracestate */

static int parse_state(const char *value, size_t len, struct span_context *context)
{
    memset(context, 0xa5, sizeof *context);
    return tracestate_parse(guarded(value, len), len, context);
}

static void assert_state_kept(const char *name, const char *value, size_t len, const char *expected)
{
    struct span_context context;
    cr_assert_eq(parse_state(value, len, &context), 0, "%s was rejected", name);
    cr_assert_eq(context.tracestate_len, strlen(expected), "%s: \"%.*s\"", name,
                 context.tracestate_len, context.tracestate);
    cr_assert_arr_eq(context.tracestate, expected, strlen(expected), "%s", name);
}

static void assert_state_rejected(const char *name, const char *value, size_t len)
{
    struct span_context context;
    cr_assert_eq(parse_state(value, len, &context), -EINVAL, "%s was accepted", name);
    cr_assert_eq(context.tracestate_len, 0, "%s", name);
}

#define VALUE_CHARS                                                                                \
    " !\"#$%&'()*+-./"                                                                             \
    "0123456789:;<>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~"

Test(tracestate, valid_lists_are_kept)
{
    static const struct {
        const char *name, *value, *expected;
    } rows[] = {
        {"nothing", "", ""},
        {"one member", "foo=1", "foo=1"},
        {"order is kept", "foo=1,bar=2,baz=3", "foo=1,bar=2,baz=3"},
        {"blanks around members", " foo=1\t,\t bar=2 ", "foo=1,bar=2"},
        {"a value that begins with a blank", "foo= 1,bar=  2", "foo= 1,bar=  2"},
        {"a blank within a value", "foo=a b", "foo=a b"},
        {"empty members", ",foo=1,, ,\t,bar=2,", "foo=1,bar=2"},
        {"nothing but empty members", " ,, \t,", ""},
        {"several headers, joined, one of them empty", "foo=1,bar=2, , baz=3", "foo=1,bar=2,baz=3"},
        {"tenant and system", "tenant@system=1", "tenant@system=1"},
        {"an at sign anywhere but in front", "foo@=1,f@o@o=2", "foo@=1,f@o@o=2"},
        {"a digit in front", "0foo=1", "0foo=1"},
        {"every character of a key", "abcdefghijklmnopqrstuvwxyz0123456789_-*/@=1",
         "abcdefghijklmnopqrstuvwxyz0123456789_-*/@=1"},
        {"every character of a value", "foo=" VALUE_CHARS, "foo=" VALUE_CHARS},
        {"a key of one letter", "a=1", "a=1"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_state_kept(rows[i].name, rows[i].value, strlen(rows[i].value), rows[i].expected);
}

Test(tracestate, one_bad_member_drops_the_whole_list)
{
    static const struct {
        const char *name, *value;
    } rows[] = {
        {"no equals sign", "foo"},
        {"no key", "=1"},
        {"no value", "foo="},
        {"no value but a blank", "foo= "},
        {"upper case", "FOO=1"},
        {"a dot in the key", "foo.bar=1"},
        {"a blank before the equals sign", "foo =1"},
        {"a tab before the equals sign", "foo\t=1"},
        {"an at sign in front", "@foo=1"},
        {"an underscore in front", "_foo=1"},
        {"a dash in front", "-foo=1"},
        {"an asterisk in front", "*foo=1"},
        {"a slash in front", "/foo=1"},
        {"two equals signs", "foo=bar=baz"},
        {"a tab in the value", "foo=a\tb"},
        {"a control character", "foo=\x01"},
        {"delete", "foo=\x7f"},
        {"beyond ASCII", "foo=\xc3\xa9"},
        {"a line end", "foo=1\r\nX: y"},
        {"bad behind good", "foo=1,bar"},
        {"good behind bad", "foo,bar=1"},
        {"bad between empty ones", "foo=1,,=,,"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_state_rejected(rows[i].name, rows[i].value, strlen(rows[i].value));
    assert_state_rejected("a NUL", "foo=1\0", 6);
    assert_state_rejected("a NUL in the key", "f\0o=1", 5);
}

Test(tracestate, a_key_has_256_characters_at_most)
{
    char value[300];
    memset(value, 'k', sizeof value);
    memcpy(value + 256, "=1", 2);
    value[258] = '\0';
    assert_state_kept("256", value, 258, value);
    value[256] = 'k';
    memcpy(value + 257, "=1", 2);
    assert_state_rejected("257", value, 259);
}

Test(tracestate, a_value_has_256_characters_at_most)
{
    char value[300] = "k=";
    memset(value + 2, 'v', 256);
    assert_state_kept("256", value, 258, value);
    value[258] = 'v';
    assert_state_rejected("257", value, 259);
}

/* "k01=1,k02=1,…", @count members. */
static size_t members_format(char *out, int count)
{
    size_t len = 0;
    for (int i = 1; i <= count; i++)
        len += (size_t)sprintf(out + len, "%sk%02d=1", i > 1 ? "," : "", i);
    return len;
}

Test(tracestate, has_32_members_at_most)
{
    char value[400], more[500];
    size_t len = members_format(value, 32);
    assert_state_kept("32 members", value, len, value);
    snprintf(more, sizeof more, ",,%s, ,", value);
    assert_state_kept("empty members do not count", more, strlen(more), value);
    len = members_format(value, 33);
    assert_state_rejected("33 members", value, len);
}

Test(tracestate, members_too_many_are_rejected_even_where_they_are_beyond_what_is_kept)
{
    char value[33 * 40];
    size_t len = 0;
    for (int i = 1; i <= 33; i++)
        len += (size_t)sprintf(value + len, "%sk%02d=%030d", i > 1 ? "," : "", i, 0);
    assert_state_rejected("33 long members", value, len);
}

/* Two members of @first_len and @second_len bytes, then the short one "c=1". */
static size_t three_members(char *out, size_t first_len, size_t second_len)
{
    memset(out, 'v', first_len + 1 + second_len);
    memcpy(out, "a=", 2);
    memcpy(out + first_len, ",b=", 3);
    memcpy(out + first_len + 1 + second_len, ",c=1", 5);
    return first_len + 1 + second_len + 4;
}

/* "ka=vvv…,kb=vvv…": one member for each of @lens bytes, which end in 0. */
static size_t members_of_lens(const uint16_t *lens, char *out)
{
    size_t len = 0;
    for (size_t i = 0; lens[i]; i++) {
        if (len)
            out[len++] = ',';
        memset(out + len, 'v', lens[i]);
        memcpy(out + len, "k =", 3);
        out[len + 1] = (char)('a' + i);
        len += lens[i];
    }
    out[len] = '\0';
    return len;
}

/* Level 2, 3.3.1.5: 512 bytes at least; members of more than 128 characters are to go first, then from the end. */
Test(tracestate, what_is_too_long_loses_whole_members)
{
    static const struct {
        const char *name;
        uint16_t lens[34];
        const char *kept; /* their letters */
    } rows[] = {
        {"512 bytes", {256, 250, 4}, "abc"},
        {"513 bytes", {256, 251, 4}, "ac"},
        {"the last of the large ones goes first", {200, 100, 200, 100, 5}, "abde"},
        {"both large ones go", {200, 200, 128, 128, 128, 120}, "cdef"},
        {"then the last of the others", {200, 128, 128, 128, 128, 10}, "bcd"},
        {"128 is not large", {128, 128, 128, 128}, "abc"},
        {"129 is", {129, 128, 128, 128}, "bcd"},
        {"the last of two large ones that is left", {258, 258, 258}, "a"},
        {"many small ones",
         {40, 40, 40, 40, 40, 40, 40, 40, 40, 40, 40, 40, 40, 40, 40, 40},
         "abcdefghijkl"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char value[32 * 259], expected[TRACESTATE_LEN_MAX + 1] = "";
        size_t len = members_of_lens(rows[i].lens, value);
        for (char *member = strtok(strcpy((char[sizeof value]){0}, value), ","); member; member = strtok(NULL, ","))
            if (strchr(rows[i].kept, member[1]))
                strcat(strcat(expected, *expected ? "," : ""), member);
        assert_state_kept(rows[i].name, value, len, expected);
    }
}

Test(tracestate, white_space_and_empty_members_do_not_make_it_too_long)
{
    char value[1200];
    static const uint16_t lens[] = {100, 200, 0};
    memset(value, ' ', sizeof value);
    memset(value + 300, ',', 300);
    size_t len = 600 + members_of_lens(lens, value + 600);
    assert_state_kept("600 blanks and commas", value, len, value + 600);
}

/* Only one entry per key is allowed. */
Test(tracestate, a_key_that_comes_twice_is_malformed)
{
    assert_state_rejected("the same twice", "foo=1,foo=1", 11);
    assert_state_rejected("two values", "foo=1,bar=2,foo=3", 17);
    assert_state_kept("one begins as the other", "foo=1,fo=2,foo2=3", 17, "foo=1,fo=2,foo2=3");
}

Test(tracestate, a_bad_member_counts_even_where_it_is_beyond_what_is_kept)
{
    char value[600];
    size_t len = three_members(value, 256, 256);
    value[len - 1] = '=';
    assert_state_rejected("the third of three", value, len);
}

Test(tracestate, any_truncation_is_read_within_bounds)
{
    static const char whole[] = " foo=1 ,\tbar= 2,,t@s=" VALUE_CHARS ", last=x ";
    for (size_t len = 0; len < sizeof whole; len++) {
        struct span_context context;
        int error = parse_state(whole, len, &context);
        cr_assert(error == 0 || (error == -EINVAL && context.tracestate_len == 0));
        cr_assert_leq(context.tracestate_len, len);
    }
}

Test(tracestate, an_earlier_tracestate_does_not_show_through)
{
    struct span_context context = {.tracestate_len = 5, .tracestate = "old=1"};
    cr_assert_eq(tracestate_parse("", 0, &context), 0);
    cr_assert_eq(context.tracestate_len, 0);
}
