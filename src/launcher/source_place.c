#include "launcher/source_place.h"

#include "base/compiler.h"
#include "base/text.h"
#include "launcher/demangle.h"
#include "launcher/dwarf_functions.h"
#include "trace/plumbing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct source_file {
    const struct dwarf_functions *dw;
    Dwfl *dwfl;
    Dwfl_Module *module;
    Dwarf_Addr bias; /* of the addresses that libdw takes */
};

enum { SCOPES_MAX = 64, REFERENCES_MAX = 8, CHAIN_MAX = 32 };

/* The file's own, beside it, or under /usr/lib/debug, by build id or with the CRC that the link names. */
static bool module_report(struct source_file *file, int fd, const char *path)
{
    static char *debug_path;
    static Dwfl_Callbacks callbacks = {.debuginfo_path = &debug_path};
    callbacks.find_elf = file->dw->dwfl_build_id_find_elf;
    callbacks.find_debuginfo = file->dw->dwfl_standard_find_debuginfo;
    callbacks.section_address = file->dw->dwfl_offline_section_address;
    file->dwfl = file->dw->dwfl_begin(&callbacks);
    if (!file->dwfl)
        return false;
    file->dw->dwfl_report_begin(file->dwfl);
    file->module = file->dw->dwfl_report_elf(file->dwfl, path, path, fd, 0, true);
    file->dw->dwfl_report_end(file->dwfl, NULL, NULL);
    return file->module && file->dw->dwfl_module_getelf(file->module, &file->bias);
}

struct source_file *source_file_open(int fd, const char *path)
{
    struct source_file *file = calloc(1, sizeof *file);
    if (file)
        file->dw = dwarf_functions_load();
    if (file && file->dw && module_report(file, fd, path))
        return file;
    if (!file || !file->module) /* else it is the module's */
        close(fd);
    source_file_close(file);
    return NULL;
}

bool source_file_has_build_id(struct source_file *file, const uint8_t *id, size_t len)
{
    const unsigned char *own;
    GElf_Addr address;
    int own_len = file->dw->dwfl_module_build_id(file->module, &own, &address);
    return own_len > 0 && (size_t)own_len == len && memcmp(own, id, len) == 0;
}

void source_file_close(struct source_file *file)
{
    if (file && file->dwfl)
        file->dw->dwfl_end(file->dwfl);
    free(file);
}

/* Where a function is declared is where it belongs: within a class, a namespace, a module. */
static Dwarf_Die declaration_of(const struct dwarf_functions *dw, Dwarf_Die die)
{
    for (int i = 0; i < REFERENCES_MAX; i++) {
        Dwarf_Attribute attribute;
        Dwarf_Die other;
        if (!dw->dwarf_attr(&die, DW_AT_abstract_origin, &attribute) &&
            !dw->dwarf_attr(&die, DW_AT_specification, &attribute))
            break;
        if (!dw->dwarf_formref_die(&attribute, &other))
            break;
        die = other;
    }
    return die;
}

static void scope_append(const struct dwarf_functions *dw, Dwarf_Die *scope, struct text *text)
{
    const char *name = dw->dwarf_diename(scope);
    switch (dw->dwarf_tag(scope)) {
    case DW_TAG_namespace:
        text_append_string(text, name ? name : "(anonymous namespace)");
        break;
    case DW_TAG_class_type:
    case DW_TAG_structure_type:
    case DW_TAG_union_type:
    case DW_TAG_module:
    case DW_TAG_enumeration_type:
        text_append_string(text, name ? name : "(unnamed)");
        break;
    default: /* a block or a function around it is not part of the name */
        return;
    }
    text_append_string(text, "::");
}

/* shop::Cart::pay: names as the source has them need no demangler. */
static bool function_name(const struct dwarf_functions *dw, Dwarf_Die *function, char *out, size_t size)
{
    Dwarf_Die declaration = declaration_of(dw, *function), *scopes = NULL;
    const char *name = dw->dwarf_diename(&declaration);
    struct text text = text_on(out, size - 1);
    if (!name)
        return false;
    int count = dw->dwarf_getscopes_die(&declaration, &scopes);
    for (int i = MIN(count, SCOPES_MAX) - 1; i > 0; i--)
        scope_append(dw, &scopes[i], &text);
    free(scopes);
    text_append_string(&text, name);
    out[text.len] = '\0';
    return true;
}

/* What may have functions in it without having their addresses. */
static bool is_container(int tag)
{
    return tag == DW_TAG_namespace || tag == DW_TAG_module || tag == DW_TAG_structure_type || tag == DW_TAG_class_type;
}

/* The functions around an address, the outermost first: each is inlined in the one before it. */
struct chain {
    bool is_thorough; /* also within functions that are elsewhere: what a lambda does is told there */
    Dwarf_Die unit;
    Dwarf_Die functions[CHAIN_MAX];
    int count;
};

/* Those within @die that have @pc. dwarf_getscopes gives up where what is inlined is of another unit, as with -flto. */
static bool chain_find(const struct dwarf_functions *dw, Dwarf_Die *die, Dwarf_Addr pc, int depth, struct chain *out)
{
    Dwarf_Die child;
    bool is_found = false;
    if (depth > SCOPES_MAX || dw->dwarf_child(die, &child) != 0)
        return false;
    do {
        int tag = dw->dwarf_tag(&child);
        bool is_function = tag == DW_TAG_subprogram || tag == DW_TAG_inlined_subroutine;
        bool is_block = is_function || tag == DW_TAG_lexical_block;
        bool is_around = is_block && dw->dwarf_haspc(&child, pc) > 0;
        if (is_around && is_function && out->count < CHAIN_MAX)
            out->functions[out->count++] = child;
        if (is_around || is_container(tag) || (is_block && out->is_thorough))
            is_found |= chain_find(dw, &child, pc, depth + 1, out);
        is_found |= is_around && is_function;
    } while (!is_found && dw->dwarf_siblingof(&child, &child) == 0);
    return is_found;
}

/* A path that does not fit would be another one. */
static void line_set(struct source_place *out, const char *path, int line)
{
    if (!path || line <= 0 || strlen(path) >= sizeof out->file)
        return;
    strcpy(out->file, path);
    out->line = line;
}

/* The line table's row for the address is the innermost inlined function's already. */
static void line_find(struct source_file *file, uint64_t address, struct source_place *out)
{
    int line = 0;
    Dwfl_Line *row = file->dw->dwfl_module_getsrc(file->module, address);
    const char *path = row ? file->dw->dwfl_lineinfo(row, NULL, &line, NULL, NULL, NULL) : NULL;
    line_set(out, path, line);
}

/* Where @inlined has been put into the function around it. */
static void call_line_find(const struct dwarf_functions *dw, Dwarf_Die *unit, Dwarf_Die *inlined,
                           struct source_place *out)
{
    Dwarf_Attribute attribute;
    Dwarf_Word number = 0, line = 0;
    Dwarf_Files *files;
    size_t count;
    if (!dw->dwarf_attr(inlined, DW_AT_call_line, &attribute) || dw->dwarf_formudata(&attribute, &line) != 0 ||
        !dw->dwarf_attr(inlined, DW_AT_call_file, &attribute) || dw->dwarf_formudata(&attribute, &number) != 0 ||
        dw->dwarf_getsrcfiles(unit, &files, &count) != 0 || number >= count || line > INT32_MAX)
        return;
    line_set(out, dw->dwarf_filesrc(files, number, NULL, NULL), (int)line);
}

/* One of the chain, as a place of its own. */
static bool level_find(struct source_file *file, uint64_t address, struct chain *chain, int i, struct source_place *out)
{
    out->line = 0;
    out->file[0] = '\0';
    if (!function_name(file->dw, &chain->functions[i], out->function, sizeof out->function))
        return false;
    if (i == chain->count - 1)
        line_find(file, address, out);
    else
        call_line_find(file->dw, &chain->unit, &chain->functions[i + 1], out);
    return true;
}

static void stack_append(const struct source_place *level, struct text *stack)
{
    size_t len = stack->len;
    text_append_string(stack, len ? "\nat " : "at ");
    text_append_string(stack, level->function);
    if (level->line) {
        text_append_string(stack, " (");
        text_append_string(stack, level->file);
        text_append_char(stack, ':');
        text_append_decimal(stack, level->line);
        text_append_char(stack, ')');
    }
    if (stack->overflowed)
        stack->len = len;
}

/* From the innermost on: what is inlined of plumbing is passed over, unless all is. */
static void levels_find(struct source_file *file, uint64_t address, struct chain *chain, struct source_place *out)
{
    struct text stack = text_on(out->stack, sizeof out->stack - 1);
    struct source_place level = {.line = 0};
    bool is_told = false;
    for (int i = chain->count - 1; i >= 0; i--) {
        if (!level_find(file, address, chain, i, &level))
            continue;
        stack_append(&level, &stack);
        if (is_told || (i > 0 && plumbing_has_name(level.function, strlen(level.function))))
            continue;
        is_told = true;
        strcpy(out->function, level.function);
        line_set(out, level.file, level.line);
        out->is_exact = true;
    }
    out->stack[stack.overflowed ? 0 : stack.len] = '\0';
}

static void function_find(struct source_file *file, uint64_t address, struct source_place *out)
{
    Dwarf_Addr bias;
    Dwarf_Die *unit = file->dw->dwfl_module_addrdie(file->module, address, &bias);
    struct chain chain = {.count = 0};
    bool is_found = unit && chain_find(file->dw, unit, address - bias, 0, &chain);
    if (unit && !is_found) {
        chain = (struct chain){.is_thorough = true};
        is_found = chain_find(file->dw, unit, address - bias, 0, &chain);
    }
    if (!is_found)
        return;
    chain.unit = *unit;
    levels_find(file, address, &chain, out);
}

static void symbol_find(struct source_file *file, uint64_t address, struct source_place *out)
{
    GElf_Off at;
    GElf_Sym symbol;
    const char *name = file->dw->dwfl_module_addrinfo(file->module, address, &at, &symbol, NULL, NULL, NULL);
    /* One without a size, or that ends before, is only the nearest. */
    if (!name || at >= symbol.st_size || GELF_ST_TYPE(symbol.st_info) != STT_FUNC)
        return;
    snprintf(out->symbol, sizeof out->symbol, "%s", name);
    if (out->is_exact)
        return;
    char plain[200];
    out->is_demangled = demangle(name, plain, sizeof plain);
    snprintf(out->function, sizeof out->function, "%.200s+0x%llx", out->is_demangled ? plain : name,
             (unsigned long long)at);
}

void source_file_find(struct source_file *file, uint64_t offset, struct source_place *out)
{
    uint64_t address = offset + file->bias;
    *out = (struct source_place){.line = 0};
    function_find(file, address, out);
    if (!out->is_exact)
        line_find(file, address, out);
    symbol_find(file, address, out);
}
