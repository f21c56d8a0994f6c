#include "view/failure_text.h"

#include "base/compiler.h"
#include "view/duration_text.h"

#include <stdio.h>
#include <string.h>

enum { TEXT_COLUMNS_MAX = 60 };

static void service_print(struct screen *screen, const struct service_colors *colors,
                          const char *service)
{
    screen_text(screen, service_color(colors, service), service, TEXT_COLUMNS_MAX);
}

static void plain(struct screen *screen, const char *text)
{
    screen_put(screen, STYLE_PLAIN, text);
}

/* "POST /pay": what was asked for. */
static void request_print(struct screen *screen, const struct view_span *span)
{
    screen_text(screen, STYLE_PLAIN, span->name, TEXT_COLUMNS_MAX);
    if (span->path && !strchr(span->name, '/')) {
        plain(screen, " ");
        screen_text(screen, STYLE_PLAIN, span->path, TEXT_COLUMNS_MAX);
    }
}

static bool is_type_the_status(const struct view_span *span)
{
    char code[8];
    snprintf(code, sizeof code, "%d", span->http_status);
    return span->http_status && (!span->error_type || strcmp(span->error_type, code) == 0);
}

/* ": ECONNREFUSED (connection refused)", if it says more than the HTTP status. */
static void cause_print(struct screen *screen, const struct view_span *span)
{
    if (!span->error_type && !span->message)
        return;
    plain(screen, ": ");
    const char *type = span->error_type ? span->error_type : span->message;
    screen_text(screen, STYLE_ERROR, type, TEXT_COLUMNS_MAX);
    if (span->error_type && span->message) {
        plain(screen, " (");
        screen_text(screen, STYLE_PLAIN, span->message, TEXT_COLUMNS_MAX);
        plain(screen, ")");
    }
}

/* "payment-service answered POST /pay with 503": @service NULL stands for the address called. */
static void answer_print(struct screen *screen, const struct service_colors *colors,
                         const char *service, const struct view_span *span)
{
    if (service)
        service_print(screen, colors, service);
    else
        screen_text(screen, STYLE_PLAIN, span->callee ? span->callee : "an unknown server",
                    TEXT_COLUMNS_MAX);
    plain(screen, " answered ");
    request_print(screen, span);
    plain(screen, " with ");
    screen_format(screen, STYLE_ERROR, "%d", span->http_status);
    if (!is_type_the_status(span))
        cause_print(screen, span);
}

/* " after 1.2 s": how long it took to fail. */
static void duration_print(struct screen *screen, const struct view_span *span)
{
    char text[DURATION_TEXT_LEN];
    screen_format(screen, STYLE_PLAIN, " after %s", duration_text(span->duration_us, 2, screen->is_utf8, text));
}

static void caller_print(struct screen *screen, const struct service_colors *colors,
                         const char *caller)
{
    if (!caller)
        return;
    plain(screen, ", called by ");
    service_print(screen, colors, caller);
}

/* A call that a client saw fail, where no server says so itself. */
static void client_print(struct screen *screen, const struct service_colors *colors,
                         const struct trace_node *node)
{
    const struct view_span *span = node->span;
    const struct trace_node *server = call_server(node);
    if (span->http_status) {
        answer_print(screen, colors, server ? server->span->service : NULL, span);
        duration_print(screen, span);
        caller_print(screen, colors, span->service);
        return;
    }
    request_print(screen, span);
    plain(screen, " from ");
    service_print(screen, colors, span->service);
    if (server || span->callee)
        plain(screen, " to ");
    if (server)
        service_print(screen, colors, server->span->service);
    else if (span->callee)
        screen_text(screen, STYLE_PLAIN, span->callee, TEXT_COLUMNS_MAX);
    plain(screen, " failed");
    cause_print(screen, span);
    duration_print(screen, span);
}

static void other_print(struct screen *screen, const struct service_colors *colors,
                        const struct trace_node *node)
{
    const struct view_span *span = node->span;
    if (span->kind == VIEW_KIND_SERVER && span->http_status) {
        answer_print(screen, colors, span->service, span);
    } else {
        service_print(screen, colors, span->service);
        plain(screen, " failed in ");
        request_print(screen, span);
        cause_print(screen, span);
    }
    duration_print(screen, span);
    caller_print(screen, colors, node->caller);
}

/* " from order.c line 142" behind who called, else ", called from …": of the call itself or of what was called. */
static void place_print(struct screen *screen, const struct trace_node *failed)
{
    const struct trace_node *call = failed->span->kind == VIEW_KIND_SERVER ? failed->parent : failed;
    if (!call || call->span->kind != VIEW_KIND_CLIENT || !call->span->code_file)
        return;
    plain(screen, call->span->http_status || call != failed ? " from " : ", called from ");
    screen_text(screen, STYLE_PLAIN, call->span->code_file, TEXT_COLUMNS_MAX);
    screen_format(screen, STYLE_PLAIN, " line %u", call->span->code_line);
}

void failure_print(struct screen *screen, const struct service_colors *colors,
                   const struct analysis *analysis)
{
    const struct trace_node *failed = analysis->failed;
    if (!failed)
        return;
    screen_put(screen, STYLE_ERROR, "Error: ");
    if (failed->span->kind == VIEW_KIND_CLIENT)
        client_print(screen, colors, failed);
    else
        other_print(screen, colors, failed);
    place_print(screen, failed);
    if (analysis->failed_count > 1)
        screen_format(screen, STYLE_PLAIN, "; %zu more failed", analysis->failed_count - 1);
    screen_newline(screen);
}
