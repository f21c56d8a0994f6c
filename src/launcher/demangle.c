#include "launcher/demangle.h"

#include "base/compiler.h"
#include "base/hex.h"
#include "base/text.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

enum { RUST_HASH_LEN = 17 }; /* h0123456789abcdef */

/* ---- Rust: _ZN, lengths and names, E; the last name is a hash ---- */

static const struct {
    const char *code, *text;
} RUST_CODES[] = {{"$SP$", "@"}, {"$BP$", "*"}, {"$RF$", "&"}, {"$LT$", "<"}, {"$GT$", ">"},
                  {"$LP$", "("}, {"$RP$", ")"}, {"$C$", ","},  {"..", "::"}};

static bool is_rust_hash(const char *name, size_t len)
{
    if (len != RUST_HASH_LEN || name[0] != 'h')
        return false;
    for (size_t i = 1; i < len; i++)
        if (hex_digit(name[i]) < 0)
            return false;
    return true;
}

/* $u7b$: a character by its number. Returns how many bytes that are, 0: it is none. */
static size_t rust_number_append(const char *name, size_t len, struct text *text)
{
    unsigned number = 0;
    size_t at = 2;
    if (len < 4 || name[0] != '$' || name[1] != 'u')
        return 0;
    for (; at < len && at < 5 && hex_digit(name[at]) >= 0; at++)
        number = number << 4 | (unsigned)hex_digit(name[at]);
    if (at == len || name[at] != '$' || number < ' ' || number > '~')
        return 0;
    text_append_char(text, (char)number);
    return at + 1;
}

static size_t rust_code_append(const char *name, size_t len, struct text *text)
{
    for (size_t i = 0; i < ARRAY_LEN(RUST_CODES); i++) {
        size_t code_len = strlen(RUST_CODES[i].code);
        if (len < code_len || memcmp(name, RUST_CODES[i].code, code_len) != 0)
            continue;
        text_append_string(text, RUST_CODES[i].text);
        return code_len;
    }
    return rust_number_append(name, len, text);
}

static void rust_name_append(const char *name, size_t len, struct text *text)
{
    size_t at = len > 1 && name[0] == '_' && name[1] == '$'; /* a name must not begin with a dollar */
    while (at < len) {
        size_t taken = rust_code_append(name + at, len - at, text);
        if (!taken)
            text_append_char(text, name[at++]);
        at += taken;
    }
}

static bool rust_demangle(const char *symbol, struct text *text)
{
    const char *at = symbol + strlen("_ZN");
    bool has_hash = false;
    while (*at && *at != 'E') {
        char *name;
        unsigned long len = strtoul(at, &name, 10);
        if (name == at || *at < '0' || *at > '9' || len == 0 || strnlen(name, len) < len || has_hash)
            return false;
        has_hash = is_rust_hash(name, len);
        if (!has_hash) {
            text_append_string(text, text->len ? "::" : "");
            rust_name_append(name, len, text);
        }
        at = name + len;
    }
    return has_hash && *at == 'E';
}

/* ---- C++ ---- */

typedef char *demangler(const char *, char *, size_t *, int *);

/* Nothing of ours is in C++: the library is loaded when the first such name is to be said. */
static demangler *demangler_load(void)
{
    static demangler *function;
    static bool is_tried;
    void *library = is_tried ? NULL : dlopen("libstdc++.so.6", RTLD_NOW | RTLD_LOCAL);
    is_tried = true;
    if (library)
        *(void **)&function = dlsym(library, "__cxa_demangle");
    return function;
}

/* Where the list of parameters begins: the last parenthesis that is opened outside of all others, and of what <>
 * encloses; not that of operator(). */
static size_t parameters_at(const char *name)
{
    size_t len = strlen(name), depth = 0;
    const char *end = strrchr(name, ')');
    for (size_t i = end ? (size_t)(end - name) + 1 : 0; i > 0; i--) {
        depth += name[i - 1] == ')';
        depth -= name[i - 1] == '(';
        if (depth == 0)
            return i - 1;
    }
    return len;
}

static bool cxx_demangle(const char *symbol, struct text *text)
{
    int status = -1;
    demangler *function = demangler_load();
    char *name = function ? function(symbol, NULL, NULL, &status) : NULL;
    if (status == 0 && name)
        text_append(text, name, parameters_at(name));
    free(name);
    return status == 0 && text->len > 0;
}

bool demangle(const char *symbol, char *out, size_t size)
{
    char bytes[1024];
    struct text text = text_on(bytes, MIN(sizeof bytes, size) - 1);
    if (strncmp(symbol, "_Z", 2) != 0)
        return false;
    if (strncmp(symbol, "_ZN", 3) != 0 || !rust_demangle(symbol, &text)) {
        text = text_on(bytes, MIN(sizeof bytes, size) - 1);
        if (!cxx_demangle(symbol, &text))
            return false;
    }
    if (text.overflowed)
        return false;
    memcpy(out, bytes, text.len);
    out[text.len] = '\0';
    return true;
}
