#include "trace/resource.h"

#include "base/compiler.h"
#include "base/percent.h"
#include "base/raw.h"
#include "base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct resource g_resource;

const struct resource *resource_current(void)
{
    return &g_resource;
}

bool resource_attribute_next(const struct resource *resource, size_t *at,
                             struct resource_attribute *out)
{
    uint16_t lens[2];
    size_t end = MIN(resource->attributes_len, sizeof resource->attributes);
    if (*at > end || end - *at < sizeof lens)
        return false;
    memcpy(lens, resource->attributes + *at, sizeof lens);
    if ((size_t)lens[0] + lens[1] > end - *at - sizeof lens)
        return false;
    out->key = resource->attributes + *at + sizeof lens;
    out->key_len = lens[0];
    out->value = out->key + lens[0];
    out->value_len = lens[1];
    *at += sizeof lens + lens[0] + lens[1];
    return true;
}

static void field_set(char *field, uint16_t *field_len, size_t field_max, const char *value,
                      size_t len)
{
    *field_len = (uint16_t)MIN(len, field_max);
    memcpy(field, value, *field_len);
}

static bool is_key(const struct resource_attribute *attribute, const char *key)
{
    return attribute->key_len == strlen(key) &&
           memcmp(attribute->key, key, attribute->key_len) == 0;
}

/* An attribute that has a field of its own goes there: true. process.pid is the span's to say. */
static bool field_take(struct resource *r, const struct resource_attribute *attribute)
{
    if (is_key(attribute, "process.pid"))
        return true;
    if (is_key(attribute, "service.name"))
        field_set(r->service_name, &r->service_name_len, sizeof r->service_name, attribute->value,
                  attribute->value_len);
    else if (is_key(attribute, "process.executable.name"))
        field_set(r->executable_name, &r->executable_name_len, sizeof r->executable_name,
                  attribute->value, attribute->value_len);
    else if (is_key(attribute, "host.name"))
        field_set(r->host_name, &r->host_name_len, sizeof r->host_name, attribute->value,
                  attribute->value_len);
    else
        return false;
    return true;
}

/* Takes an earlier attribute of this key out again: the last one wins. */
static void attribute_remove(struct resource *resource, const struct resource_attribute *last)
{
    struct resource_attribute found;
    for (size_t start = 0, at = 0; resource_attribute_next(resource, &at, &found); start = at) {
        if (found.key_len != last->key_len || memcmp(found.key, last->key, last->key_len) != 0)
            continue;
        memmove(resource->attributes + start, resource->attributes + at,
                resource->attributes_len - at);
        resource->attributes_len = (uint16_t)(resource->attributes_len - (at - start));
        return;
    }
}

static void attribute_add(struct resource *resource, const struct resource_attribute *attribute)
{
    if (attribute->key_len == 0 || field_take(resource, attribute))
        return;
    attribute_remove(resource, attribute);
    uint16_t lens[2] = {(uint16_t)attribute->key_len, (uint16_t)attribute->value_len};
    struct text text = text_on(resource->attributes, sizeof resource->attributes);
    text.len = resource->attributes_len;
    text_append(&text, (const char *)lens, sizeof lens);
    text_append(&text, attribute->key, attribute->key_len);
    text_append(&text, attribute->value, attribute->value_len);
    if (!text.overflowed)
        resource->attributes_len = (uint16_t)text.len;
}

/* Decodes one key=value into @scratch, which is as large as all attributes together. A member that
 * does not fit is well-formed, but left out. */
static int member_parse(const char *member, size_t len, struct text scratch,
                        struct resource_attribute *out)
{
    const char *equals = memchr(member, '=', len);
    if (!equals)
        return -EINVAL;
    const char *key = member, *value = equals + 1;
    size_t key_len = (size_t)(equals - member), value_len = len - key_len - 1;
    text_trim(&key, &key_len);
    text_trim(&value, &value_len);
    if (key_len == 0 || percent_decode(key, key_len, &scratch))
        return -EINVAL;
    *out = (struct resource_attribute){.key = scratch.bytes, .key_len = scratch.len};
    if (percent_decode(value, value_len, &scratch))
        return -EINVAL;
    out->value = out->key + out->key_len;
    out->value_len = scratch.len - out->key_len;
    if (scratch.overflowed)
        out->key_len = 0;
    return 0;
}

/* key1=value1,key2=value2 with white space allowed around each part. An empty member, as after a
 * trailing comma, is no error. */
static int list_parse(const char *list, struct resource *resource)
{
    static BULKY char scratch[RESOURCE_ATTRIBUTES_LEN_MAX];
    for (const char *end = list + strlen(list); list < end;) {
        size_t len = strcspn(list, ",");
        const char *member = list;
        list += len + 1;
        text_trim(&member, &len);
        struct resource_attribute attribute;
        if (len == 0)
            continue;
        if (member_parse(member, len, text_on(scratch, sizeof scratch), &attribute))
            return -EINVAL;
        attribute_add(resource, &attribute);
    }
    return 0;
}

static char g_executable_path[4096];
static size_t g_executable_path_len;

size_t resource_executable_path(const char **path)
{
    *path = g_executable_path;
    return g_executable_path_len;
}

static void executable_name_set(struct resource *resource)
{
    static const char deleted[] = " (deleted)";
    const char *path = g_executable_path;
    ssize_t len = raw_readlink("/proc/self/exe", g_executable_path, sizeof g_executable_path);
    if (len <= 0)
        return;
    size_t end = (size_t)len, suffix = sizeof deleted - 1;
    if (end > suffix && memcmp(path + end - suffix, deleted, suffix) == 0)
        end -= suffix;
    g_executable_path_len = end;
    const char *slash = memrchr(path, '/', end);
    const char *name = slash ? slash + 1 : path;
    field_set(resource->executable_name, &resource->executable_name_len,
              sizeof resource->executable_name, name, end - (size_t)(name - path));
}

static void host_name_set(struct resource *resource)
{
    struct utsname name;
    if (raw_uname(&name) == 0)
        field_set(resource->host_name, &resource->host_name_len, sizeof resource->host_name,
                  name.nodename, strnlen(name.nodename, sizeof name.nodename));
}

/* The name the program was called by, which for multi-call programs says more than the
 * executable's. A login shell's begins with '-'. */
static void service_name_set_default(struct resource *resource)
{
    const char *name = program_invocation_short_name ? program_invocation_short_name : "";
    name += *name == '-';
    size_t len = strlen(name);
    if (len == 0) {
        name = resource->executable_name;
        len = resource->executable_name_len;
    }
    field_set(resource->service_name, &resource->service_name_len, sizeof resource->service_name,
              len ? name : "unknown_service", len ? len : strlen("unknown_service"));
}

static void detect(struct resource *resource)
{
    resource->attributes_len = 0;
    executable_name_set(resource);
    host_name_set(resource);
    service_name_set_default(resource);
}

void resource_init(void)
{
    const char *list = getenv("OTEL_RESOURCE_ATTRIBUTES");
    const char *service_name = getenv("OTEL_SERVICE_NAME");
    detect(&g_resource);
    if (list && list_parse(list, &g_resource))
        detect(&g_resource);
    if (service_name && *service_name)
        field_set(g_resource.service_name, &g_resource.service_name_len,
                  sizeof g_resource.service_name, service_name, strlen(service_name));
}
