#include "launcher/coverage.h"

#include "base/compiler.h"
#include "export/span_facts.h"
#include "launcher/message.h"

#include <string.h>

/* For people, behind the program's name. */
static const struct {
    const char *reason, *sentence;
} SENTENCES[] = {
    {"static", "is statically linked"},
    {"go", "is a Go program, which makes system calls without libc"},
    {"setuid", "runs with other rights than who started it: the system preloads nothing"},
    {"environment", "was started with an environment that does not name the library"},
    {"other_architecture", "is a program for another kind of machine"},
    {"tls", "speaks TLS by a library of its own, or what is not known within TLS"},
    {"unknown", "uses another C library than glibc"},
};

static const char *sentence_of(const char *reason)
{
    for (size_t i = 0; i < ARRAY_LEN(SENTENCES); i++)
        if (strcmp(SENTENCES[i].reason, reason) == 0)
            return SENTENCES[i].sentence;
    return "cannot be seen into";
}

/* What is in a span may be anything: what is no plain text is not repeated on a terminal. */
static void plain_copy(char *to, size_t size, const char *from, size_t len)
{
    size_t kept = MIN(len, size - 1);
    for (size_t i = 0; i < kept; i++)
        to[i] = from[i] > ' ' && from[i] <= '~' ? from[i] : '?';
    to[kept] = '\0';
}

static void program_count(struct coverage *coverage, const char *name, const char *reason)
{
    for (unsigned i = 0; i < coverage->program_count; i++) {
        struct coverage_program *known = &coverage->programs[i];
        if (strcmp(known->name, name) == 0 && strcmp(known->reason, reason) == 0) {
            known->count++;
            return;
        }
    }
    if (coverage->program_count == COVERAGE_PROGRAMS_MAX) {
        coverage->more_count++;
        return;
    }
    struct coverage_program *program = &coverage->programs[coverage->program_count++];
    plain_copy(program->name, sizeof program->name, name, strlen(name));
    plain_copy(program->reason, sizeof program->reason, reason, strlen(reason));
    program->count = 1;
}

void coverage_note(struct coverage *coverage, const struct span *span, const struct resource *resource)
{
    char name[COVERAGE_NAME_LEN], reason[COVERAGE_REASON_LEN] = "";
    struct attribute_iterator iterator;
    struct attribute attribute;
    attribute_begin(&iterator, span);
    while (attribute_next(&iterator, &attribute)) {
        if (attribute.key == ATTRIBUTE_PARENT_AMBIGUOUS)
            coverage->ambiguous_count++;
        if (attribute.key == ATTRIBUTE_PROCESS_BLIND && span->role == SPAN_ROLE_PROCESS)
            plain_copy(reason, sizeof reason, attribute.string, attribute.len);
    }
    if (span->role == SPAN_ROLE_PROCESS) {
        plain_copy(name, sizeof name, span_name(span).bytes, span_name(span).len);
        if (strcmp(reason, "tls") == 0) /* its connections were */
            reason[0] = '\0';
    } else if (span_is_opaque(span)) {
        plain_copy(name, sizeof name, resource->executable_name, resource->executable_name_len);
        strcpy(reason, "tls");
    }
    if (reason[0])
        program_count(coverage, name, reason);
}

void coverage_format(const struct coverage *coverage, struct text *text)
{
    enum { NAMED_MAX = 5 };
    unsigned named = MIN(coverage->program_count, (unsigned)NAMED_MAX);
    if (!named)
        return;
    text_append_string(text, "not seen into: ");
    for (unsigned i = 0; i < named; i++) {
        text_append_string(text, i ? ", " : "");
        text_append_string(text, coverage->programs[i].name);
        text_append_string(text, " (");
        text_append_string(text, coverage->programs[i].reason);
        text_append_char(text, ')');
    }
    text_append_string(text, coverage->program_count > named ? " and more" : "");
    text_append_string(text, "; --coverage tells more");
}

static const char *plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

static void drops_print(const struct run_stats *stats)
{
    uint64_t all = 0;
    for (unsigned reason = 0; reason < DROP_REASON_COUNT; reason++)
        all += atomic_load(&stats->dropped_count[reason]);
    if (all == 0)
        message_print("coverage: no span was lost");
    for (unsigned reason = 0; reason < DROP_REASON_COUNT; reason++) {
        uint64_t count = atomic_load(&stats->dropped_count[reason]);
        if (count)
            message_print("coverage: %llu span%s lost: %s", (unsigned long long)count, plural(count),
                          drop_reason_text(reason));
    }
}

void coverage_print(const struct coverage *coverage, const struct run_stats *stats)
{
    uint64_t seen = atomic_load(&stats->process_count);
    message_print("coverage: %llu program%s seen", (unsigned long long)seen, plural(seen));
    for (unsigned i = 0; i < coverage->program_count; i++) {
        const struct coverage_program *program = &coverage->programs[i];
        bool is_tls = strcmp(program->reason, "tls") == 0;
        const char *what = is_tls ? "connection" : "process", *ending = is_tls ? "s" : "es";
        message_print("coverage: %s was not seen into (%llu %s%s): it %s", program->name,
                      (unsigned long long)program->count, what, program->count == 1 ? "" : ending,
                      sentence_of(program->reason));
    }
    if (coverage->more_count)
        message_print("coverage: %llu more were not seen into", (unsigned long long)coverage->more_count);
    drops_print(stats);
    message_print("coverage: %llu span%s of which nobody can say for certain whose child it is",
                  (unsigned long long)coverage->ambiguous_count, plural(coverage->ambiguous_count));
}
