#include "backend/curl_functions.h"

#include "base/compiler.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static const struct {
    const char *name;
    size_t at;
} NAMES[] = {
#define NAME(function) {"curl_" #function, offsetof(struct curl_functions, function)}
    NAME(global_init),   NAME(easy_init),     NAME(easy_setopt),  NAME(easy_perform),   NAME(easy_getinfo),
    NAME(easy_strerror), NAME(easy_cleanup),  NAME(slist_append), NAME(slist_free_all),
#undef NAME
};

static bool load(struct curl_functions *functions)
{
    void *library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
    for (size_t i = 0; library && i < ARRAY_LEN(NAMES); i++) {
        void *function = dlsym(library, NAMES[i].name);
        if (!function)
            return false;
        memcpy((char *)functions + NAMES[i].at, &function, sizeof function);
    }
    return library && functions->global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

const struct curl_functions *curl_functions_load(void)
{
    static struct curl_functions functions;
    static bool is_loaded;
    is_loaded = is_loaded || load(&functions);
    return is_loaded ? &functions : NULL;
}
