#include "view/reproducible.h"

#include "base/compiler.h"
#include "base/text.h"
#include "view/complaint.h"
#include "view/json_walk.h"
#include "view/reproducible_order.h"
#include "view/skip_text.h"
#include "view/trace_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What is read, and what it becomes. */
struct rewriting {
    struct span_set set;
    struct stable_span *stables; /* by line, from 0 */
    size_t stable_capacity;
    struct ordered_span *spans; /* as many as the set has, in its order */
    uint32_t trace_count;
    uint32_t *order;
};

static int line_note(void *context, const char *line, size_t line_number)
{
    struct rewriting *rewriting = context;
    if (line_number > rewriting->stable_capacity) {
        size_t capacity = MAX(rewriting->stable_capacity * 2, line_number + 255);
        struct stable_span *grown = reallocarray(rewriting->stables, capacity, sizeof *grown);
        if (!grown)
            return -ENOMEM;
        memset(grown + rewriting->stable_capacity, 0, (capacity - rewriting->stable_capacity) * sizeof *grown);
        rewriting->stables = grown;
        rewriting->stable_capacity = capacity;
    }
    return stable_span_make(line, strlen(line), &rewriting->stables[line_number - 1]);
}

/* Service, kind and operation in one text, of what the span becomes: so it is the same when that is rewritten again. */
static const char *step_intern(struct string_pool *pool, const struct stable_span *stable)
{
    struct view_span span;
    char *line, bytes[4 * VIEW_STRING_LEN_MAX];
    struct text text = text_on(bytes, sizeof bytes);
    int len = asprintf(&line, "{\"traceId\":\"%032d\",\"spanId\":\"%016d\",%s", 1, 1, stable->body + 1);
    if (len < 0) {
        pool->is_out_of_memory = true;
        return "";
    }
    if (span_decode(line, (size_t)len, pool, &span) == SKIP_NONE) {
        text_append_string(&text, span.service);
        text_append_char(&text, '\n');
        text_append_char(&text, (char)('0' + span.kind));
        text_append_string(&text, span.name);
        text_append_char(&text, '\n');
        text_append_string(&text, span.path ? span.path : "");
    }
    free(line);
    return string_pool_intern(pool, bytes, text.len);
}

static int trees_make(struct rewriting *rewriting)
{
    for (size_t first = 0, len; first < rewriting->set.count; first += len, rewriting->trace_count++) {
        struct trace_tree tree;
        len = trace_len(rewriting->set.spans + first, rewriting->set.count - first);
        int error = trace_tree_build(rewriting->set.spans + first, len, &tree);
        if (error)
            return error;
        for (size_t i = 0; i < len; i++) {
            const struct trace_node *node = &tree.nodes[i];
            const struct stable_span *stable = &rewriting->stables[node->span->line - 1];
            rewriting->spans[first + i] = (struct ordered_span){
                .span = node->span,
                .stable = stable,
                .step = step_intern(&rewriting->set.strings, stable),
                .parent = node->parent ? (uint32_t)(first + (size_t)(node->parent - tree.nodes)) : ORDER_NO_SPAN,
                .trace = rewriting->trace_count,
            };
        }
        trace_tree_free(&tree);
    }
    return rewriting->set.strings.is_out_of_memory ? -ENOMEM : 0;
}

static int ids_compare(const void *left, const void *right)
{
    const struct view_span *a = left;
    const struct ordered_span *b = right;
    int order = memcmp(a->trace_id, b->span->trace_id, TRACE_ID_LEN);
    return order ? order : memcmp(a->span_id, b->span->span_id, SPAN_ID_LEN);
}

static void id_print(FILE *out, const char *name, const uint8_t *id, size_t len)
{
    fprintf(out, "\"%s\":\"", name);
    for (size_t i = 0; i < len; i++)
        fprintf(out, "%02x", id[i]);
    putc('"', out);
}

static bool hex_read(const struct json_piece *piece, uint8_t *id, size_t len)
{
    unsigned byte;
    if (piece->type != JSON_STRING || piece->len != 2 * len)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (sscanf(piece->text + 2 * i, "%2x", &byte) != 1)
            return false;
        id[i] = (uint8_t)byte;
    }
    return true;
}

/* What a link names, by its new ids; a span that is not in the file has none. */
static void link_print(const struct rewriting *rewriting, const struct json_piece *link, FILE *out)
{
    struct view_span wanted = {0};
    struct ordered_span unknown;
    memset(&unknown, 0xff, sizeof unknown);
    struct json_walk walk = json_walk_into(link->text);
    struct json_piece key, value, attributes = {0};
    while (json_walk_member(&walk, &key, &value)) {
        if (json_piece_is(&key, "traceId"))
            hex_read(&value, wanted.trace_id, TRACE_ID_LEN);
        else if (json_piece_is(&key, "spanId"))
            hex_read(&value, wanted.span_id, SPAN_ID_LEN);
        else if (json_piece_is(&key, "attributes"))
            attributes = value;
    }
    const struct ordered_span *found =
        bsearch(&wanted, rewriting->spans, rewriting->set.count, sizeof *rewriting->spans, ids_compare);
    found = found ? found : &unknown;
    putc('{', out);
    id_print(out, "traceId", found->trace_id, TRACE_ID_LEN);
    putc(',', out);
    id_print(out, "spanId", found->span_id, SPAN_ID_LEN);
    if (attributes.len)
        fprintf(out, ",\"attributes\":%.*s", (int)attributes.len, attributes.text);
    putc('}', out);
}

static void links_print(const struct rewriting *rewriting, const char *links, FILE *out)
{
    struct json_walk walk = json_walk_into(links);
    struct json_piece link;
    const char *separator = "";
    fputs("\"links\":[", out);
    while (json_walk_element(&walk, &link)) {
        fputs(separator, out);
        link_print(rewriting, &link, out);
        separator = ",";
    }
    fputs("],", out);
}

static void span_print(const struct rewriting *rewriting, const struct ordered_span *span, FILE *out)
{
    static const uint8_t none[SPAN_ID_LEN];
    putc('{', out);
    id_print(out, "traceId", span->trace_id, TRACE_ID_LEN);
    putc(',', out);
    id_print(out, "spanId", span->span_id, SPAN_ID_LEN);
    putc(',', out);
    if (memcmp(span->parent_span_id, none, SPAN_ID_LEN)) {
        id_print(out, "parentSpanId", span->parent_span_id, SPAN_ID_LEN);
        putc(',', out);
    }
    if (span->stable->links)
        links_print(rewriting, span->stable->links, out);
    fprintf(out, "%s\n", span->stable->body + 1);
}

static int spans_rewrite(struct rewriting *rewriting, FILE *out)
{
    size_t count = rewriting->set.count;
    if (count >= ORDER_NO_SPAN - 2)
        return -EOVERFLOW;
    rewriting->spans = calloc(count + 1, sizeof *rewriting->spans);
    rewriting->order = calloc(count + 1, sizeof *rewriting->order);
    int error = rewriting->spans && rewriting->order ? trees_make(rewriting) : -ENOMEM;
    if (!error)
        error = reproducible_order(rewriting->spans, count, rewriting->trace_count, rewriting->order);
    for (size_t i = 0; i < count && !error; i++)
        span_print(rewriting, &rewriting->spans[rewriting->order[i]], out);
    if (!error && (fflush(out) || ferror(out)))
        error = -EIO;
    return error;
}

int reproducible_write(int fd, FILE *out, struct reproducible_counts *counts)
{
    struct rewriting rewriting = {0};
    rewriting.set.observer = (struct span_observer){line_note, &rewriting};
    int error = span_reader_read(fd, &rewriting.set);
    skip_text(&rewriting.set, counts->skipped);
    if (!error)
        error = span_set_sort(&rewriting.set);
    counts->span_count = rewriting.set.count;
    if (!error)
        error = spans_rewrite(&rewriting, out);
    for (size_t i = 0; i < rewriting.stable_capacity; i++)
        free(rewriting.stables[i].body);
    free(rewriting.stables);
    free(rewriting.spans);
    free(rewriting.order);
    span_set_free(&rewriting.set);
    return error;
}

static int complain(const char *what, const char *path, const char *why)
{
    complaint_print(what, path, why, "");
    return 2;
}

int reproducible_print(const char *path)
{
    struct reproducible_counts counts;
    int fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
    int error = fd < 0 ? -errno : reproducible_write(fd, stdout, &counts);
    if (fd > STDIN_FILENO)
        close(fd);
    if (error)
        return complain("cannot rewrite", path, strerror(-error));
    if (counts.span_count == 0)
        return complain("no span in", path, *counts.skipped ? counts.skipped : "it is empty");
    if (*counts.skipped)
        complain("not all of", path, counts.skipped);
    return 0;
}
