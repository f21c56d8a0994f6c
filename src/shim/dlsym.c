/* A program that asks for a function of a library by name is to be given ours in its place, as one that is linked
 * against the library is: ctypes, JNA, .NET and plugins do so. */
#include "shim/deepbind.h"
#include "shim/library_entry.h"
#include "shim/module.h"
#include "shim/node.h"
#include "shim/real.h"

/* The next definition: dlsym takes who asks by the return address, so that it can be jumped to only. */
__attribute__((used, visibility("hidden"))) void *g_dlsym_next;

void *dlsym_substitute(void *handle, const char *name, const void *caller);

#define DLSYM_NEXT ((void *)-1)

/* What the scope of all has of the library's own under this name, or else the caller's: the default scope begins with us,
 * and would have ours even where there is no library. DLSYM_NEXT: one that stands before us. */
static void *default_find(const char *name, const void *ours, const void *caller)
{
    struct module module;
    if (real_dlsym(RTLD_DEFAULT, name) != ours)
        return DLSYM_NEXT;
    void *theirs = real_dlsym(RTLD_NEXT, name);
    if (theirs || !module_find((const char *)caller - 1, &module))
        return theirs;
    void *scope = REAL(dlopen)(module.map->l_name, RTLD_LAZY | RTLD_NOLOAD);
    theirs = scope ? real_dlsym(scope, name) : NULL;
    if (scope)
        REAL(dlclose)(scope);
    return theirs == ours ? NULL : theirs;
}

/* What @handle's scope has; the program's own scope has us in it. */
static void *handle_find(void *handle, const char *name, const void *ours)
{
    void *theirs = real_dlsym(handle, name);
    return theirs == ours ? real_dlsym(RTLD_NEXT, name) : theirs;
}

/* By hand: a sanitizer's strcmp may not be there yet. */
static bool is_node_entry(const char *name)
{
    static const char entry[] = "napi_register_module_v1";
    for (size_t i = 0; i < sizeof entry; i++)
        if (LIKELY(name[i] != entry[i]))
            return false;
    return true;
}

/* Our function for @name if the program would get the library's, and NULL if it would get none. DLSYM_NEXT: it is
 * the next dlsym that is to answer. */
__attribute__((used, visibility("hidden"))) void *dlsym_substitute(void *handle, const char *name, const void *caller)
{
    const struct real_calls *real = real_calls();
    deepbind_correct(); /* this is how what was loaded is reached */
    g_dlsym_next = (void *)real->dlsym;
    void *entry = name && is_node_entry(name) ? node_entry(handle) : NULL;
    if (UNLIKELY(entry != NULL))
        return entry;
    void *ours = name && handle != RTLD_NEXT && shim_is_tracing() ? library_entry_for_all(name) : NULL;
    if (!ours)
        return DLSYM_NEXT;
    if (handle == RTLD_DEFAULT) {
        void *theirs = default_find(name, ours, caller);
        return theirs && theirs != DLSYM_NEXT ? ours : theirs;
    }
    void *theirs = handle_find(handle, name, ours);
    return theirs ? library_entry_find(name, theirs) : NULL;
}

#if defined(__x86_64__)
__asm__(".text\n"
        ".globl dlsym\n"
        ".type dlsym, @function\n"
        "dlsym:\n"
        ".cfi_startproc\n"
        "endbr64\n"
        "push %rdi\n"
        ".cfi_adjust_cfa_offset 8\n"
        "push %rsi\n"
        ".cfi_adjust_cfa_offset 8\n"
        "sub $8, %rsp\n"
        ".cfi_adjust_cfa_offset 8\n"
        "mov 24(%rsp), %rdx\n"
        "call dlsym_substitute\n"
        "add $8, %rsp\n"
        ".cfi_adjust_cfa_offset -8\n"
        "pop %rsi\n"
        ".cfi_adjust_cfa_offset -8\n"
        "pop %rdi\n"
        ".cfi_adjust_cfa_offset -8\n"
        "cmp $-1, %rax\n"
        "je 1f\n"
        "ret\n"
        "1: jmp *g_dlsym_next(%rip)\n"
        ".cfi_endproc\n"
        ".size dlsym, . - dlsym\n");
#elif defined(__aarch64__)
__asm__(".text\n"
        ".globl dlsym\n"
        ".type dlsym, %function\n"
        "dlsym:\n"
        ".cfi_startproc\n"
        "hint #34\n" /* bti c */
        "stp x29, x30, [sp, #-32]!\n"
        ".cfi_adjust_cfa_offset 32\n"
        ".cfi_offset 29, -32\n"
        ".cfi_offset 30, -24\n"
        "mov x29, sp\n"
        "stp x0, x1, [sp, #16]\n"
        "mov x2, x30\n"
        "bl dlsym_substitute\n"
        "mov x9, x0\n"
        "ldp x0, x1, [sp, #16]\n"
        "ldp x29, x30, [sp], #32\n"
        ".cfi_adjust_cfa_offset -32\n"
        ".cfi_restore 29\n"
        ".cfi_restore 30\n"
        "cmn x9, #1\n"
        "b.ne 1f\n"
        "adrp x9, g_dlsym_next\n"
        "ldr x9, [x9, #:lo12:g_dlsym_next]\n"
        "br x9\n"
        "1: mov x0, x9\n"
        "ret\n"
        ".cfi_endproc\n"
        ".size dlsym, . - dlsym\n");
#endif
