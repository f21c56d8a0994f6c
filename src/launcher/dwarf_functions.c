#include "launcher/dwarf_functions.h"

#include "base/compiler.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static const struct {
    const char *name;
    size_t at;
} NAMES[] = {
#define ONE(name) {#name, offsetof(struct dwarf_functions, name)},
    DWARF_FUNCTIONS(ONE)
#undef ONE
};

static bool load(struct dwarf_functions *functions)
{
    void *library = dlopen("libdw.so.1", RTLD_NOW | RTLD_LOCAL);
    for (size_t i = 0; library && i < ARRAY_LEN(NAMES); i++) {
        void *function = dlsym(library, NAMES[i].name);
        if (!function)
            return false;
        memcpy((char *)functions + NAMES[i].at, &function, sizeof function);
    }
    return library != NULL;
}

const struct dwarf_functions *dwarf_functions_load(void)
{
    static struct dwarf_functions functions;
    static bool is_tried, is_loaded;
    if (!is_tried)
        is_loaded = load(&functions);
    is_tried = true;
    return is_loaded ? &functions : NULL;
}
