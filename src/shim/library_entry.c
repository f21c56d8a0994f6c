#include "shim/library_entry.h"

#include "shim/curl_library.h"
#include "shim/exports.h"
#include "shim/gnutls.h"
#include "shim/openssl.h"
#include "shim/real.h"
#include "shim/tls_libraries.h"

#include <string.h>

/* An entry changes none of the registers that arguments come in; those that it takes are the linker's. */
#if defined(__x86_64__)
#define ENTRY(name, copy)                                                                          \
    ".p2align 5\n"                                                                                \
    ".type run_traced_" #name "_" #copy ", @function\n"                                            \
    "run_traced_" #name "_" #copy ":\n"                                                            \
    ".cfi_startproc\n"                                                                             \
    "endbr64\n"                                                                                    \
    "mov t_library_copy@gottpoff(%rip), %r11\n"                                                    \
    "movl $" #copy ", %fs:(%r11)\n"                                                                \
    "jmp " #name "@PLT\n"                                                                          \
    ".cfi_endproc\n"                                                                               \
    ".size run_traced_" #name "_" #copy ", . - run_traced_" #name "_" #copy "\n"
#elif defined(__aarch64__)
#define ENTRY(name, copy)                                                                          \
    ".p2align 5\n"                                                                                \
    ".type run_traced_" #name "_" #copy ", %function\n"                                            \
    "run_traced_" #name "_" #copy ":\n"                                                            \
    ".cfi_startproc\n"                                                                             \
    "hint #34\n"                                                                                   \
    "mrs x16, tpidr_el0\n"                                                                         \
    "adrp x17, :gottprel:t_library_copy\n"                                                         \
    "ldr x17, [x17, :gottprel_lo12:t_library_copy]\n"                                              \
    "add x16, x16, x17\n"                                                                          \
    "mov w17, #" #copy "\n"                                                                        \
    "str w17, [x16]\n"                                                                             \
    "b " #name "\n"                                                                                \
    ".cfi_endproc\n"                                                                               \
    ".size run_traced_" #name "_" #copy ", . - run_traced_" #name "_" #copy "\n"
#endif

__asm__(".text\n"
        ".p2align 5\n"
        "run_traced_entries:\n"
#define INTERPOSE(name)
#define INTERPOSE_LATER(name) ENTRY(name, 1) ENTRY(name, 2) ENTRY(name, 3) ENTRY(name, 4)
#include "shim/symbols.def"
#undef INTERPOSE_LATER
);

/* All are of one length, so that no table of pointers has to be relocated in every process. */
enum { ENTRY_LEN = 32 };
extern const char run_traced_entries[] __attribute__((visibility("hidden")));

static const char NAMES[][REAL_NAME_SIZE] = {
#define INTERPOSE_LATER(name) #name,
#include "shim/symbols.def"
#undef INTERPOSE
#undef INTERPOSE_LATER
};

static const struct {
    const char *prefix; /* that the names of its functions begin with */
    struct library_family *family;
} FAMILIES[] = {
    {"SSL_", &g_openssl_family}, {"BIO_", &g_openssl_family}, {"gnutls_", &g_gnutls_family}, {"curl_", &g_curl_family}};

static struct library_family *family_of(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(FAMILIES); i++)
        if (strncmp(name, FAMILIES[i].prefix, strlen(FAMILIES[i].prefix)) == 0)
            return FAMILIES[i].family;
    return NULL;
}

/* The index in NAMES, or -1. */
static int function_of(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(NAMES); i++)
        if (strcmp(NAMES[i], name) == 0)
            return (int)i;
    return -1;
}

void *library_entry_for_all(const char *name)
{
    int at = family_of(name) ? function_of(name) : -1;
    return at >= 0 ? exports_own_function(name) : NULL;
}

void *library_entry_find(const char *name, void *theirs)
{
    struct library_family *family = family_of(name);
    int at = family ? function_of(name) : -1;
    int copy = at >= 0 ? library_copy(family, theirs) : 0;
    if (copy <= 0 || copy > LIBRARY_ENTRIES_MAX)
        return theirs;
    return (void *)(run_traced_entries + (at * LIBRARY_ENTRIES_MAX + copy - 1) * ENTRY_LEN);
}

void library_entry_note_unload(void)
{
    library_note_unload(&g_openssl_family);
    library_note_unload(&g_gnutls_family);
    library_note_unload(&g_curl_family);
}
