#include "launcher/outputs.h"

#include "backend/environment.h"
#include "launcher/message.h"
#include "launcher/spans_file.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

int exporter_resolve_host(struct exporter *exporter)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
    char host[EXPORTER_HOST_LEN_MAX + 1];
    int error = getaddrinfo(exporter->host, NULL, &hints, &found);
    if (error)
        return error;
    error =
        getnameinfo(found->ai_addr, found->ai_addrlen, host, sizeof host, NULL, 0, NI_NUMERICHOST);
    freeaddrinfo(found);
    if (!error)
        memcpy(exporter->host, host, sizeof host);
    return error;
}

static void outputs_describe(struct outputs *outputs, const char *preposition, const char *place)
{
    size_t len = strlen(outputs->description);
    snprintf(outputs->description + len, sizeof outputs->description - len, "%s%s %s",
             len ? " and " : "", preposition, place);
}

static int outputs_add(struct outputs *outputs, struct exporter *exporter, const char *place)
{
    int error = exporter_make_absolute(exporter);
    if (error) {
        message_print("cannot write spans to '%s': %s", place, strerror(-error));
        return error;
    }
    size_t len = strlen(outputs->exporters);
    struct text text = text_on(outputs->exporters + len, sizeof outputs->exporters - len);
    if (len)
        text_append_char(&text, ',');
    exporter_format(exporter, &text);
    text_terminate(&text);
    return text.overflowed ? -ENAMETOOLONG : 0;
}

static bool is_regular(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

static int outputs_add_file(struct outputs *outputs, struct exporter *exporter, const char *path,
                            int fd)
{
    outputs_describe(outputs, "in", path);
    if (!outputs->view_path[0] && is_regular(fd))
        snprintf(outputs->view_path, sizeof outputs->view_path, "%s", path);
    return outputs_add(outputs, exporter, path);
}

/* In another format than ours. */
static int outputs_add_foreign_file(struct outputs *outputs, const char *path, const struct format *format)
{
    struct target *target = &outputs->targets[outputs->target_count++];
    target_file(path, format, target);
    outputs_describe(outputs, "in", path);
    return 0;
}

static int outputs_add_default(struct outputs *outputs, const char *path)
{
    struct exporter exporter = {.kind = EXPORTER_FILE};
    const struct format *format = target_format_of_file(path);
    if (strlen(path) >= sizeof exporter.path) {
        message_print("cannot write spans to '%.100s...': %s", path, strerror(ENAMETOOLONG));
        return -ENAMETOOLONG;
    }
    int fd = spans_file_create(path);
    if (fd < 0)
        return fd;
    if (format)
        return outputs_add_foreign_file(outputs, path, format);
    memcpy(exporter.path, path, strlen(path) + 1);
    return outputs_add_file(outputs, &exporter, path, fd);
}

static int outputs_add_socket(struct outputs *outputs, struct exporter *exporter, const char *url)
{
    struct sockaddr_storage address;
    socklen_t len;
    int lookup = exporter->kind == EXPORTER_TCP ? exporter_resolve_host(exporter) : 0;
    if (lookup) {
        message_print("cannot send spans to '%s': %s", url, gai_strerror(lookup));
        return -EINVAL;
    }
    outputs_describe(outputs, "to", url);
    int error = outputs_add(outputs, exporter, url);
    if (!error)
        error = exporter_address(exporter, &address, &len);
    if (error == -ENAMETOOLONG)
        message_print("cannot send spans to '%s': the path of a socket has at most 107 bytes", url);
    else if (error == -EINVAL)
        message_print("cannot send spans to '%s': no address of it can be used", url);
    return error;
}

static int outputs_add_target(struct outputs *outputs, const char *url)
{
    struct target *target = &outputs->targets[outputs->target_count];
    char reason[512];
    struct text error = text_on(reason, sizeof reason);
    if (target_parse(url, target, &error)) {
        message_print("%s", text_terminate(&error));
        return -EINVAL;
    }
    int fd = target->kind == TARGET_FILE ? spans_file_append(target->path) : 0;
    if (fd < 0)
        return fd;
    backend_environment_apply(target);
    outputs_describe(outputs, target->kind == TARGET_FILE ? "in" : "to", target->name);
    if (target->kind == TARGET_FILE && target->format == &FORMAT_NATIVE && !outputs->view_path[0])
        snprintf(outputs->view_path, sizeof outputs->view_path, "%s", target->path);
    outputs->target_count++;
    return 0;
}

static int outputs_add_url(struct outputs *outputs, const char *url)
{
    struct exporter exporter;
    char reason[512];
    struct text error = text_on(reason, sizeof reason);
    if (target_is_one(url))
        return outputs_add_target(outputs, url);
    if (exporter_parse(url, strlen(url), &exporter, &error)) {
        message_print("%s", text_terminate(&error));
        return -EINVAL;
    }
    if (exporter.kind != EXPORTER_FILE)
        return outputs_add_socket(outputs, &exporter, url);
    int fd = spans_file_append(exporter.path);
    if (fd < 0)
        return fd;
    char path[EXPORTER_PATH_LEN_MAX + 1]; /* as the user wrote it: made absolute below */
    memcpy(path, exporter.path, sizeof path);
    return outputs_add_file(outputs, &exporter, path, fd);
}

/* What the standard variables name takes the place of the default file. */
static void outputs_add_environment(struct outputs *outputs)
{
    outputs->target_count = backend_environment_targets(outputs->targets, EXPORTER_COUNT_MAX);
    for (unsigned i = 0; i < outputs->target_count; i++)
        outputs_describe(outputs, "to", outputs->targets[i].name);
}

int outputs_prepare(const struct options *options, struct outputs *outputs)
{
    outputs->exporters[0] = outputs->description[0] = outputs->view_path[0] = 0;
    outputs->target_count = 0;
    if (options->is_default_output)
        outputs_add_environment(outputs);
    if (options->output && !(options->is_default_output && outputs->target_count)) {
        int error = outputs_add_default(outputs, options->output);
        if (error)
            return error;
    }
    for (unsigned i = 0; i < options->exporter_count; i++) {
        int error = outputs_add_url(outputs, options->exporter_urls[i]);
        if (error)
            return error;
    }
    return 0;
}
