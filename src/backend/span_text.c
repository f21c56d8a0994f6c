#include "backend/span_text.h"

#include "export/span_facts.h"

void span_values_read(struct span_values *out, const struct span *span)
{
    struct attribute_iterator iterator;
    struct attribute attribute;
    memset(out->has, 0, sizeof out->has);
    attribute_begin(&iterator, span);
    while (attribute_next(&iterator, &attribute) && attribute.key < ATTRIBUTE_COUNT) {
        out->known[attribute.key] = attribute;
        out->has[attribute.key] = true;
    }
}

const struct attribute *span_value(const struct span_values *values, enum attribute_key key, enum attribute_type type)
{
    return values->has[key] && values->known[key].type == type ? &values->known[key] : NULL;
}

static void append_string(struct text *text, const struct attribute *attribute)
{
    if (attribute)
        text_append(text, attribute->string, attribute->len);
}

static void append_origin(struct text *text, const struct span_values *values, const struct attribute *address)
{
    const struct attribute *scheme = span_value(values, ATTRIBUTE_URL_SCHEME, ATTRIBUTE_STRING);
    const struct attribute *port = span_value(values, ATTRIBUTE_SERVER_PORT, ATTRIBUTE_INT);
    bool is_https = scheme && scheme->len == 5 && memcmp(scheme->string, "https", 5) == 0;
    bool is_ipv6 = memchr(address->string, ':', address->len) != NULL;
    if (scheme)
        append_string(text, scheme);
    else
        text_append_string(text, "http");
    text_append_string(text, is_ipv6 ? "://[" : "://");
    append_string(text, address);
    text_append_string(text, is_ipv6 ? "]" : "");
    if (port && port->number != (is_https ? 443 : 80)) {
        text_append_char(text, ':');
        text_append_decimal(text, port->number);
    }
}

void span_append_url(struct text *text, const struct span_values *values)
{
    const struct attribute *full = span_value(values, ATTRIBUTE_URL_FULL, ATTRIBUTE_STRING);
    const struct attribute *path = span_value(values, ATTRIBUTE_URL_PATH, ATTRIBUTE_STRING);
    const struct attribute *query = span_value(values, ATTRIBUTE_URL_QUERY, ATTRIBUTE_STRING);
    const struct attribute *address = span_value(values, ATTRIBUTE_SERVER_ADDRESS, ATTRIBUTE_STRING);
    if (full) {
        append_string(text, full);
        return;
    }
    if (!path)
        return;
    if (address && address->len)
        append_origin(text, values, address);
    append_string(text, path);
    if (query && query->len)
        text_append_char(text, '?');
    append_string(text, query);
}

const char *attribute_key_text(const struct attribute *attribute, size_t *len)
{
    static const struct {
        const char *text;
        size_t len;
    } names[] = {
#define ATTRIBUTE(key, name) {name, sizeof name - 1},
#include "trace/attributes.def"
#undef ATTRIBUTE
    };
    if (attribute->key == ATTRIBUTE_CUSTOM) {
        *len = attribute->name_len;
        return attribute->name;
    }
    *len = names[attribute->key].len;
    return names[attribute->key].text;
}

void attribute_append_text(struct text *text, const struct attribute *attribute)
{
    if (attribute->type == ATTRIBUTE_STRING)
        text_append_utf8(text, attribute->string, attribute->len);
    else
        attribute_append_json(text, attribute);
}

size_t span_links_valid(const struct span *span, struct span_link *out)
{
    size_t count = span_links(span, out), valid = 0;
    for (size_t i = 0; i < count; i++)
        if (!span_id_is_zero(out[i].trace_id, TRACE_ID_LEN) && !span_id_is_zero(out[i].span_id, SPAN_ID_LEN))
            out[valid++] = out[i];
    return valid;
}

int64_t span_thread_id(const struct span *span, const struct span_values *values)
{
    return values->has[ATTRIBUTE_THREAD_ID] || span->tid <= 0 ? 0 : span->tid;
}

const char *span_kind_text(const struct span *span)
{
    static const char *const kinds[] = {
        [SPAN_KIND_INTERNAL] = "internal", [SPAN_KIND_SERVER] = "server", [SPAN_KIND_CLIENT] = "client"};
    return kinds[span->kind];
}

size_t resource_service(const struct resource *resource, const char **name)
{
    static const char unknown[] = "unknown_service";
    bool is_known = resource->service_name_len > 0;
    *name = is_known ? resource->service_name : unknown;
    return is_known ? MIN(resource->service_name_len, sizeof resource->service_name) : sizeof unknown - 1;
}

bool resource_string_next(const struct resource *r, size_t *at, struct resource_attribute *out)
{
    enum { OWN_FIELDS = 2 };
    if (*at == 0)
        *out = (struct resource_attribute){"process.executable.name", r->executable_name, 23,
                                           MIN(r->executable_name_len, sizeof r->executable_name)};
    else if (*at == 1)
        *out = (struct resource_attribute){"host.name", r->host_name, 9, MIN(r->host_name_len, sizeof r->host_name)};
    if (*at < OWN_FIELDS) {
        ++*at;
        return true;
    }
    size_t further_at = *at - OWN_FIELDS;
    bool has_one = resource_attribute_next(r, &further_at, out);
    *at = further_at + OWN_FIELDS;
    return has_one;
}
