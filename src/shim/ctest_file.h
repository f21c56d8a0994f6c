/* ctest_file.h - CTestTestfile.cmake: what CTest runs, by name. */
#ifndef RUN_TRACED_SHIM_CTEST_FILE_H
#define RUN_TRACED_SHIM_CTEST_FILE_H

#include <stdbool.h>
#include <stddef.h>

struct ctest_test {
    const char *name; /* name_len bytes within the text */
    size_t name_len;
    bool is_judged_by_status; /* none of its properties has its exit status mean something else */
};

/* ctest_file_find - the one test in the file's @text (@len bytes) that is run as @argv (NULL-terminated; with an interpreter before
 * it, if it is a script). Returns false if there is none, or more than one. No allocation. */
bool ctest_file_find(const char *text, size_t len, char *const argv[], struct ctest_test *out);

#endif
