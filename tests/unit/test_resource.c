/* The resource: names of this process, and what OTEL_* variables say of it. */
#include "trace/resource.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void set_name(void)
{
    program_invocation_short_name = (char *)"called";
}

TestSuite(resource, .init = set_name);

static const struct resource *resource_with(const char *attributes, const char *service_name)
{
    unsetenv("OTEL_RESOURCE_ATTRIBUTES");
    unsetenv("OTEL_SERVICE_NAME");
    if (attributes)
        setenv("OTEL_RESOURCE_ATTRIBUTES", attributes, 1);
    if (service_name)
        setenv("OTEL_SERVICE_NAME", service_name, 1);
    resource_init();
    return resource_current();
}

/* All further attributes as "key=value;key=value;". */
static const char *attributes_text(const struct resource *resource)
{
    static char all[2 * RESOURCE_ATTRIBUTES_LEN_MAX];
    struct resource_attribute a;
    size_t len = 0;
    all[0] = '\0';
    for (size_t at = 0; resource_attribute_next(resource, &at, &a);)
        len += (size_t)snprintf(all + len, sizeof all - len, "%.*s=%.*s;", (int)a.key_len, a.key,
                                (int)a.value_len, a.value);
    return all;
}

static const char *service_name(const struct resource *resource)
{
    static char name[RESOURCE_SERVICE_NAME_LEN_MAX + 1];
    memcpy(name, resource->service_name, resource->service_name_len);
    name[resource->service_name_len] = '\0';
    return name;
}

static const struct list_case {
    const char *name, *list, *attributes, *service;
} list_cases[] = {
    {"two pairs", "a=1,b=2", "a=1;b=2;", NULL},
    {"white space around the parts", " a = 1 ,\tb=\t2\t", "a=1;b=2;", NULL},
    {"white space inside", "a=x y", "a=x y;", NULL},
    {"percent-encoded", "a%2Cb=x%3Dy%2c%25", "a,b=x=y,%;", NULL},
    {"equals sign in a value", "a=b=c", "a=b=c;", NULL},
    {"empty value", "a=", "a=;", NULL},
    {"trailing comma", "a=1,", "a=1;", NULL},
    {"empty", "", "", NULL},
    {"last one wins", "a=1,b=2,a=3", "b=2;a=3;", NULL},
    {"a prefix is another key", "ab=1,a=2,abc=3", "ab=1;a=2;abc=3;", NULL},
    {"service.name", "a=1,service.name=shop%20%41", "a=1;", "shop A"},
    {"our own fields are not doubled", "process.pid=1,host.name=h,a=1", "a=1;", NULL},
    {"no equals sign", "a=1,b", "", NULL},
    {"no key", "a=1,=2", "", NULL},
    {"percent without digits", "a=1,b=%zz", "", NULL},
    {"percent at the end", "a=1,b=%2", "", NULL},
    {"percent alone", "a=1,b=%", "", NULL},
    {"malformed after service.name", "service.name=x,b=%", "", NULL},
};

Test(resource, attributes_of_the_environment)
{
    for (size_t i = 0; i < sizeof list_cases / sizeof *list_cases; i++) {
        const struct list_case *c = &list_cases[i];
        const struct resource *resource = resource_with(c->list, NULL);
        cr_expect_str_eq(attributes_text(resource), c->attributes, "%s", c->name);
        cr_expect_str_eq(service_name(resource), c->service ? c->service : "called", "%s", c->name);
    }
}

Test(resource, service_name_variable_wins_unless_it_is_empty)
{
    cr_expect_str_eq(service_name(resource_with("service.name=a", "b")), "b");
    cr_expect_str_eq(service_name(resource_with("service.name=a", "")), "a");
    cr_expect_str_eq(service_name(resource_with("broken", "b")), "b");
}

Test(resource, default_service_name_is_what_the_program_was_called)
{
    program_invocation_short_name = (char *)"nginx";
    cr_expect_str_eq(service_name(resource_with(NULL, NULL)), "nginx");
    program_invocation_short_name = (char *)"-bash";
    cr_expect_str_eq(service_name(resource_with(NULL, NULL)), "bash");
    program_invocation_short_name = (char *)"";
    cr_expect_str_eq(service_name(resource_with(NULL, NULL)), "test_resource");
    program_invocation_short_name = NULL;
    cr_expect_str_eq(service_name(resource_with(NULL, NULL)), "test_resource");
}

Test(resource, service_name_is_a_copy)
{
    char argument[] = "worker";
    program_invocation_short_name = argument;
    resource_with(NULL, NULL);
    memset(argument, 'x', sizeof argument - 1);
    cr_expect_str_eq(service_name(resource_current()), "worker");
}

Test(resource, names_of_host_and_executable)
{
    char host[256];
    const struct resource *resource = resource_with(NULL, NULL);
    gethostname(host, sizeof host);
    cr_expect_eq(resource->host_name_len, strlen(host));
    cr_expect_arr_eq(resource->host_name, host, strlen(host));
    cr_expect_eq(resource->executable_name_len, strlen("test_resource"));
    cr_expect_arr_eq(resource->executable_name, "test_resource", strlen("test_resource"));
    resource = resource_with("host.name=pod-7,process.executable.name=app", NULL);
    cr_expect_eq(resource->host_name_len, 5);
    cr_expect_arr_eq(resource->host_name, "pod-7", 5);
    cr_expect_eq(resource->executable_name_len, 3);
}

Test(resource, what_does_not_fit_is_left_out_and_the_rest_stays)
{
    static char list[9000];
    size_t len = (size_t)sprintf(list, "first=1,huge=");
    memset(list + len, 'x', 6000);
    strcpy(list + len + 6000, ",last=2");
    cr_expect_str_eq(attributes_text(resource_with(list, NULL)), "first=1;last=2;");
    len = (size_t)sprintf(list, "big=");
    memset(list + len, 'x', 3400);
    sprintf(list + len + 3400, ",second=%0200d,third=3", 0);
    const char *text = attributes_text(resource_with(list, NULL));
    cr_expect(strstr(text, "third=3;"));
    cr_expect_null(strstr(text, "second"));
    memset(list, 'n', 2000);
    list[2000] = '\0';
    cr_expect_eq(resource_with(NULL, list)->service_name_len, RESOURCE_SERVICE_NAME_LEN_MAX);
}

Test(resource, errno_is_left_alone)
{
    errno = 77;
    resource_with("a=%zz", "b");
    cr_expect_eq(errno, 77);
}
