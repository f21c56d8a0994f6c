#include "export/span_json.h"

static void append_array(struct text *text, const struct attribute *attribute)
{
    struct attribute_element element;
    bool is_first = true;
    text_append_literal(text, "[");
    for (size_t at = 0; attribute_element_next(attribute, &at, &element);) {
        if (!is_first)
            text_append_literal(text, ",");
        is_first = false;
        text_append_json(text, element.bytes, element.len);
    }
    text_append_literal(text, "]");
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
        text_append_string(text, attribute->number ? "true" : "false");
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
        text_append_literal(text, "\",\"spanId\":\"");
        text_append_hex(text, links[i].span_id, SPAN_ID_LEN);
        text_append_literal(text, "\"}");
    }
    if (count)
        text_append_literal(text, "]");
}
