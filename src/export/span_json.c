#include "export/span_json.h"

/* A literal is added with its length known at compile time. */
#define APPEND_LITERAL(text, literal) text_append(text, literal, sizeof(literal) - 1)

static void append_array(struct text *text, const struct attribute *attribute)
{
    struct attribute_element element;
    bool is_first = true;
    APPEND_LITERAL(text, "[");
    for (size_t at = 0; attribute_element_next(attribute, &at, &element);) {
        if (!is_first)
            APPEND_LITERAL(text, ",");
        is_first = false;
        text_append_json(text, element.bytes, element.len);
    }
    APPEND_LITERAL(text, "]");
}

void attribute_append_json(struct text *text, const struct attribute *attribute)
{
    switch (attribute->type) {
    case ATTRIBUTE_STRING:
        text_append_json(text, attribute->string, attribute->len);
        break;
    case ATTRIBUTE_INT:
        text_append_decimal(text, attribute->number);
        break;
    case ATTRIBUTE_BOOL:
        APPEND_LITERAL(text, "true");
        break;
    case ATTRIBUTE_STRING_ARRAY:
        append_array(text, attribute);
        break;
    }
}

void span_append_links_json(struct text *text, const struct span *span)
{
    struct span_link links[SPAN_LINKS_MAX];
    size_t count = span_links(span, links);
    for (size_t i = 0; i < count; i++) {
        text_append_string(text, i ? ",{\"traceId\":\"" : ",\"links\":[{\"traceId\":\"");
        text_append_hex(text, links[i].trace_id, TRACE_ID_LEN);
        APPEND_LITERAL(text, "\",\"spanId\":\"");
        text_append_hex(text, links[i].span_id, SPAN_ID_LEN);
        APPEND_LITERAL(text, "\"}");
    }
    if (count)
        APPEND_LITERAL(text, "]");
}
