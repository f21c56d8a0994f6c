#include "launcher/call_sites.h"

#include "base/clock.h"
#include "base/compiler.h"
#include "launcher/place_finder.h"

#include <stdlib.h>
#include <string.h>

enum {
    SLOTS_COUNT = 2 * CALL_SITES_MAX, /* a power of two */
    PROBES_MAX = 64,
    LOADED_COUNT = 1024, /* a power of two */
};

/* For all look-ups of a pass. */
static const struct place_patience PASS_PATIENCE = {
    .work_ns = 400 * NANOS_PER_MILLI,
    .clock_ns = 4 * NANOS_PER_SECOND,
};

/* What is known of an address: the four texts, each with its NUL, one after the other. */
struct site {
    struct module_file file;
    uint64_t offset;
    int32_t line;
    bool is_plain; /* the function is as the source has it */
    uint16_t symbol_at, path_at, stack_at;
    char texts[];
};

/* What one process has at a path. */
struct loaded {
    pid_t pid; /* 0: nothing */
    bool is_sure;
    uint64_t registered_boottime_ns;
    struct module_file file;
    char path[MODULE_PATH_LEN_MAX + 1];
};

struct call_sites {
    struct place_finder *finder;
    bool is_finder_tried;
    uint64_t oldest_boottime_ns;
    struct place_patience patience; /* left of this pass */
    uint64_t look_up_count;
    uint32_t count;
    struct site *slots[SLOTS_COUNT];
    struct loaded loaded[LOADED_COUNT]; /* a place for each hash: who comes later has it */
};

/* What a span says of its call. */
struct call {
    const char *address, *function, *build_id;
    size_t address_len, function_len, build_id_len;
    bool has_line;
};

struct call_sites *call_sites_new(uint64_t oldest_boottime_ns)
{
    struct call_sites *sites = calloc(1, sizeof *sites);
    if (sites)
        sites->oldest_boottime_ns = oldest_boottime_ns;
    return sites;
}

static void all_forget(struct call_sites *sites)
{
    for (size_t i = 0; i < SLOTS_COUNT; i++) {
        free(sites->slots[i]);
        sites->slots[i] = NULL;
    }
    sites->count = 0;
}

void call_sites_free(struct call_sites *sites)
{
    if (!sites)
        return;
    place_finder_free(sites->finder);
    all_forget(sites);
    free(sites);
}

void call_sites_begin(struct call_sites *sites)
{
    sites->patience = PASS_PATIENCE;
}

uint64_t call_sites_look_up_count(const struct call_sites *sites)
{
    return sites->look_up_count;
}

/* ---- what is remembered ---- */

static uint64_t hash_add(uint64_t hash, const void *bytes, size_t len)
{
    for (const unsigned char *at = bytes, *end = at + len; at < end; at++)
        hash = (hash ^ *at) * 0x100000001b3ULL;
    return hash;
}

static uint64_t hash_end(uint64_t hash)
{
    hash = (hash ^ hash >> 32) * 0x9e3779b97f4a7c15ULL;
    return hash ^ hash >> 29;
}

/* The slot of that address, or a free one; NULL: its neighbourhood is full. */
static struct site **slot_find(struct call_sites *sites, const struct module_file *file, uint64_t offset)
{
    uint64_t home = hash_end(hash_add(hash_add(1, file, sizeof *file), &offset, sizeof offset));
    for (size_t i = 0; i < PROBES_MAX; i++) {
        struct site **slot = &sites->slots[(home + i) % SLOTS_COUNT];
        if (!*slot || ((*slot)->offset == offset && memcmp(&(*slot)->file, file, sizeof *file) == 0))
            return slot;
    }
    return NULL;
}

static struct site *site_make(const struct place_question *question, const struct source_place *place)
{
    size_t function_len = strlen(place->function) + 1, symbol_len = strlen(place->symbol) + 1;
    size_t file_len = strlen(place->file) + 1, stack_len = strlen(place->stack) + 1;
    struct site *site = calloc(1, sizeof *site + function_len + symbol_len + file_len + stack_len);
    if (!site)
        return NULL;
    site->file = question->file;
    site->offset = question->offset;
    site->line = place->line;
    site->is_plain = place->is_exact || place->is_demangled;
    site->symbol_at = (uint16_t)function_len;
    site->path_at = (uint16_t)(function_len + symbol_len);
    site->stack_at = (uint16_t)(site->path_at + file_len);
    memcpy(site->texts, place->function, function_len);
    memcpy(site->texts + site->symbol_at, place->symbol, symbol_len);
    memcpy(site->texts + site->path_at, place->file, file_len);
    memcpy(site->texts + site->stack_at, place->stack, stack_len);
    return site;
}

static void site_remember(struct call_sites *sites, const struct place_question *question,
                          const struct source_place *place)
{
    if (sites->count >= CALL_SITES_MAX)
        all_forget(sites);
    struct site **slot = slot_find(sites, &question->file, question->offset);
    if (!slot || *slot)
        return;
    *slot = site_make(question, place);
    sites->count += *slot != NULL;
}

static const struct loaded *loaded_find(struct call_sites *sites, struct traced_process *process,
                                        const char *path)
{
    uint64_t hash = hash_add(1, &process->registered_boottime_ns, sizeof process->registered_boottime_ns);
    hash = hash_end(hash_add(hash_add(hash, &process->pid, sizeof process->pid), path, strlen(path)));
    struct loaded *loaded = &sites->loaded[hash % LOADED_COUNT];
    if (loaded->pid == process->pid && loaded->registered_boottime_ns == process->registered_boottime_ns &&
        strcmp(loaded->path, path) == 0)
        return loaded;
    *loaded = (struct loaded){.pid = process->pid, .registered_boottime_ns = process->registered_boottime_ns};
    strcpy(loaded->path, path); /* as long as the question's */
    loaded->is_sure = module_file_find(path, process, sites->oldest_boottime_ns, &loaded->file);
    return loaded;
}

/* ---- looking up ---- */

static void answer_take(struct call_sites *sites, struct place_patience *patience)
{
    struct place_question question;
    struct source_place place;
    if (place_finder_answer(sites->finder, patience, &question, &place))
        site_remember(sites, &question, &place);
}

static bool has_finder(struct call_sites *sites)
{
    if (!sites->is_finder_tried)
        sites->finder = place_finder_new();
    sites->is_finder_tried = true;
    return sites->finder != NULL;
}

/* One that has taken longer than there was time is not waited for again; meanwhile nothing else is looked up. */
static void look_up(struct call_sites *sites, const struct place_question *question)
{
    struct place_patience none = {.work_ns = 0};
    struct place_patience *patience = &sites->patience;
    if (!has_finder(sites))
        return;
    answer_take(sites, &none);
    struct site **slot = slot_find(sites, &question->file, question->offset);
    bool is_patient = patience->work_ns && patience->clock_ns;
    if (!slot || *slot || !is_patient || !place_finder_ask(sites->finder, question))
        return;
    sites->look_up_count++;
    answer_take(sites, patience);
}

static const struct site *site_find(struct call_sites *sites, const struct place_question *question)
{
    struct site **slot = slot_find(sites, &question->file, question->offset);
    if (slot && !*slot) {
        look_up(sites, question);
        slot = slot_find(sites, &question->file, question->offset);
    }
    return slot ? *slot : NULL;
}

/* ---- a span ---- */

static struct call call_read(const struct span *span)
{
    struct call call = {.address = NULL};
    struct attribute_iterator iterator;
    struct attribute attribute;
    call.build_id = span_part(span, SPAN_PART_BUILD_ID, &call.build_id_len);
    attribute_begin(&iterator, span);
    while (attribute_next(&iterator, &attribute)) {
        if (attribute.key == ATTRIBUTE_CODE_ADDRESS && attribute.type == ATTRIBUTE_STRING) {
            call.address = attribute.string;
            call.address_len = attribute.len;
        } else if (attribute.key == ATTRIBUTE_CODE_FUNCTION_NAME && attribute.type == ATTRIBUTE_STRING) {
            call.function = attribute.string;
            call.function_len = attribute.len;
        } else if (attribute.key == ATTRIBUTE_CODE_FILE_PATH || attribute.key == ATTRIBUTE_CODE_LINE_NUMBER) {
            call.has_line = true;
        }
    }
    return call;
}

static bool hex_parse(const char *digits, size_t len, uint64_t *out)
{
    *out = 0;
    for (size_t i = 0; i < len; i++) {
        const char *digit = memchr("0123456789abcdef", digits[i], 16);
        if (!digit)
            return false;
        *out = *out << 4 | (uint64_t)(digit - "0123456789abcdef");
    }
    return len > 0 && len <= 16;
}

/* module+0xoffset, whatever bytes it consists of. */
static bool address_parse(const struct call *call, struct place_question *out)
{
    const char *plus = memrchr(call->address, '+', call->address_len);
    size_t len = plus ? (size_t)(plus - call->address) : 0;
    size_t rest_len = call->address_len - len;
    if (!len || len > MODULE_PATH_LEN_MAX || memchr(call->address, '\0', len) || rest_len < 3 ||
        memcmp(plus, "+0x", 3) != 0 || !hex_parse(plus + 3, rest_len - 3, &out->offset))
        return false;
    memcpy(out->path, call->address, len);
    out->path[len] = '\0';
    return true;
}

/* Of which file the question is. A build id says it all; without one, what is at the path may be another file by
 * now. */
static bool file_know(struct call_sites *sites, const void *build_id, size_t build_id_len,
                      struct traced_process *process, struct place_question *question)
{
    question->file = (struct module_file){.build_id_len = 0};
    if (build_id_len && build_id_len <= BUILD_ID_LEN_MAX) {
        memcpy(question->file.build_id, build_id, build_id_len);
        question->file.build_id_len = build_id_len;
        question->file.path_hash = hash_add(1, question->path, strlen(question->path));
        return true;
    }
    if (!process || !process->pid)
        return false;
    const struct loaded *loaded = loaded_find(sites, process, question->path);
    question->file = loaded->file;
    return loaded->is_sure;
}

static bool is_function_unsaid(const struct call *call, const struct site *site)
{
    const char *symbol = site->texts + site->symbol_at;
    if (!call->function)
        return true;
    return site->is_plain && strlen(symbol) == call->function_len &&
           memcmp(symbol, call->function, call->function_len) == 0;
}

static void site_tell(const struct site *site, const struct call *call, struct span *span)
{
    const char *path = site->texts + site->path_at;
    if (site->texts[0] && is_function_unsaid(call, site))
        span_set_string(span, ATTRIBUTE_CODE_FUNCTION_NAME, site->texts, strlen(site->texts));
    if (!site->line)
        return;
    span_set_string(span, ATTRIBUTE_CODE_FILE_PATH, path, strlen(path));
    span_set_int(span, ATTRIBUTE_CODE_LINE_NUMBER, site->line);
}

void call_sites_describe(struct call_sites *sites, struct span *span, struct traced_process *process)
{
    if (span->kind != SPAN_KIND_CLIENT) /* others have no call */
        return;
    struct call call = call_read(span);
    struct place_question question;
    if (!call.address || call.has_line || !address_parse(&call, &question) ||
        !file_know(sites, call.build_id, call.build_id_len, process, &question))
        return;
    const struct site *site = site_find(sites, &question);
    if (site)
        site_tell(site, &call, span);
}

bool call_sites_find(struct call_sites *sites, const struct frames_place *frame, struct traced_process *process,
                     struct call_place *out)
{
    const struct frames_module *module = frame->module;
    struct place_question question = {.offset = frame->offset};
    if (!module || !module->path_len || module->path_len > MODULE_PATH_LEN_MAX ||
        memchr(module->path, '\0', module->path_len))
        return false;
    memcpy(question.path, module->path, module->path_len);
    const struct site *site = NULL;
    if (file_know(sites, module->build_id, module->build_id_len, process, &question))
        site = site_find(sites, &question);
    if (site)
        *out = (struct call_place){site->texts, site->texts + site->path_at, site->texts + site->stack_at, site->line};
    return site != NULL;
}
