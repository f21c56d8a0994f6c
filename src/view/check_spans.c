#include "view/check_spans.h"

#include "base/compiler.h"
#include "view/trace_tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Called for each line that is a span. */
static int line_note(void *context, const char *line, size_t line_number)
{
    struct check_spans *spans = context;
    unsigned columns = spans->checks->fields.column_count;
    if (columns == 0)
        return 0;
    if (line_number > spans->value_lines) {
        size_t lines = MAX(spans->value_lines * 2, line_number + 255);
        struct check_value *values = reallocarray(spans->values, lines, columns * sizeof *values);
        if (!values)
            return -ENOMEM;
        spans->values = values;
        spans->value_lines = lines;
    }
    check_fields_read(&spans->checks->fields, &spans->checks->pool, line, spans->values + (line_number - 1) * columns);
    return spans->checks->pool.is_out_of_memory ? -ENOMEM : 0;
}

static bool has_test_name(const struct check_spans *spans, size_t span, const struct check_field *test)
{
    struct check_field own = *test;
    own.scope = CHECK_SELF;
    return check_spans_value(spans, span, &own).type == CHECK_TEXT;
}

/* The spans of one trace, which begin at @first. Parents come before their children in @tree->order. */
static void relatives_set(struct check_spans *spans, size_t first, const struct trace_tree *tree,
                          const struct check_field *test)
{
    for (size_t i = 0; i < tree->count; i++) {
        const struct trace_node *node = tree->order[i], *parent = node->parent;
        uint32_t self = (uint32_t)(first + (size_t)(node - tree->nodes));
        uint32_t above = parent ? (uint32_t)(first + (size_t)(parent - tree->nodes)) : CHECK_NO_SPAN;
        spans->trace[self] = (uint32_t)spans->trace_count;
        spans->relatives[CHECK_PARENT][self] = above;
        spans->relatives[CHECK_ROOT][self] = parent ? spans->relatives[CHECK_ROOT][above] : self;
        spans->relatives[CHECK_TEST][self] = parent ? spans->relatives[CHECK_TEST][above] : CHECK_NO_SPAN;
        if (test->domain == CHECK_TEXTS && has_test_name(spans, self, test))
            spans->relatives[CHECK_TEST][self] = self;
    }
}

/* The field by which tests are known, if any check asks for them; else one of no domain. */
static struct check_field test_field(const struct check_fields *fields)
{
    struct check_field test = {.domain = CHECK_ANY};
    for (unsigned i = 0; i < fields->column_count; i++)
        if (fields->columns[i].place == CHECK_IN_ATTRIBUTES && strcmp(fields->columns[i].key, "test.case.name") == 0)
            test = (struct check_field){.domain = CHECK_TEXTS, .column = i};
    return test;
}

static int trees_make(struct check_spans *spans)
{
    struct check_field test = test_field(&spans->checks->fields);
    for (size_t first = 0, len; first < spans->set.count; first += len, spans->trace_count++) {
        struct trace_tree tree;
        len = trace_len(spans->set.spans + first, spans->set.count - first);
        int error = trace_tree_build(spans->set.spans + first, len, &tree);
        if (error)
            return error;
        relatives_set(spans, first, &tree, &test);
        trace_tree_free(&tree);
    }
    return 0;
}

static int relatives_make(struct check_spans *spans)
{
    size_t count = spans->set.count;
    if (count >= CHECK_NO_SPAN)
        return -EOVERFLOW;
    spans->trace = malloc(MAX(count, (size_t)1) * sizeof *spans->trace);
    bool has_memory = spans->trace != NULL;
    for (int scope = CHECK_PARENT; scope <= CHECK_TEST; scope++) {
        spans->relatives[scope] = malloc(MAX(count, (size_t)1) * sizeof **spans->relatives);
        has_memory &= spans->relatives[scope] != NULL;
    }
    return has_memory ? trees_make(spans) : -ENOMEM;
}

int check_spans_read(struct check_set *checks, int fd, struct check_spans *spans)
{
    *spans = (struct check_spans){.checks = checks};
    /* "suite" asks for the test as well, which is known by its name. */
    struct check_field test;
    int error = check_field_find(&checks->fields, &checks->pool, "test", strlen("test"), &test);
    if (error)
        return error;
    spans->set.observer = (struct span_observer){line_note, spans};
    error = span_reader_read(fd, &spans->set);
    if (!error)
        error = span_set_sort(&spans->set);
    return error ? error : relatives_make(spans);
}

static struct check_value tree_value(const struct check_spans *spans, size_t span, enum check_tree_value which)
{
    if (which == CHECK_DURATION)
        return (struct check_value){.type = CHECK_NUMBER, .number = (double)spans->set.spans[span].duration_us};
    return (struct check_value){.type = CHECK_TRUTH, .truth = spans->relatives[CHECK_PARENT][span] == CHECK_NO_SPAN};
}

struct check_value check_spans_value(const struct check_spans *spans, size_t span, const struct check_field *field)
{
    if (field->scope != CHECK_SELF)
        span = spans->relatives[field->scope][span];
    if (span == CHECK_NO_SPAN)
        return (struct check_value){.type = CHECK_MISSING};
    if (field->is_in_tree)
        return tree_value(spans, span, (enum check_tree_value)field->column);
    return spans->values[(spans->set.spans[span].line - 1) * spans->checks->fields.column_count + field->column];
}

void check_spans_free(struct check_spans *spans)
{
    for (int scope = CHECK_PARENT; scope <= CHECK_TEST; scope++)
        free(spans->relatives[scope]);
    free(spans->trace);
    free(spans->values);
    span_set_free(&spans->set);
}
