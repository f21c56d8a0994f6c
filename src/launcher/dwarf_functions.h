/* dwarf_functions.h - elfutils' libdw, loaded when the first call site is to be looked up: most runs have none. */
#ifndef RUN_TRACED_LAUNCHER_DWARF_FUNCTIONS_H
#define RUN_TRACED_LAUNCHER_DWARF_FUNCTIONS_H

#include <dwarf.h>
#include <elfutils/libdwfl.h>

/* Each under its own name, of libdw's own type. */
#define DWARF_FUNCTIONS(ONE)                                                                                            \
    ONE(dwfl_begin) ONE(dwfl_end) ONE(dwfl_report_begin) ONE(dwfl_report_elf) ONE(dwfl_report_end)                      \
    ONE(dwfl_build_id_find_elf) ONE(dwfl_standard_find_debuginfo) ONE(dwfl_offline_section_address)                     \
    ONE(dwfl_module_getelf) ONE(dwfl_module_addrdie) ONE(dwfl_module_getsrc) ONE(dwfl_lineinfo)                         \
    ONE(dwfl_module_addrinfo) ONE(dwarf_child) ONE(dwarf_siblingof) ONE(dwarf_haspc) ONE(dwarf_getscopes_die)           \
    ONE(dwarf_tag) ONE(dwarf_diename) ONE(dwarf_attr) ONE(dwarf_formref_die)                                           \
    ONE(dwarf_formudata) ONE(dwarf_getsrcfiles) ONE(dwarf_filesrc) ONE(dwfl_module_build_id)

struct dwarf_functions {
#define ONE(name) __typeof__(name) *name;
    DWARF_FUNCTIONS(ONE)
#undef ONE
};

/* dwarf_functions_load - loads the library, once. NULL: it cannot be had. One thread. */
const struct dwarf_functions *dwarf_functions_load(void);

#endif
