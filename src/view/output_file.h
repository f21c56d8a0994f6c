/* output_file.h - a file that is written as a whole: a page, or spans in another format. */
#ifndef RUN_TRACED_VIEW_OUTPUT_FILE_H
#define RUN_TRACED_VIEW_OUTPUT_FILE_H

#include <stdio.h>

struct output_file {
    FILE *out;
    const char *path;
    char *temporary_path; /* NULL: what is written goes to @path at once */
};

/* output_file_open - opens what is to become @path, which must stay; "-" is standard output. @beginning: how such a file
 * begins. Returns 0, -EEXIST where a file is that begins otherwise, or another negative errno. */
int output_file_open(const char *path, const char *beginning, struct output_file *file);

/* output_file_close - puts the file in its place if @result is 0, else removes it. Returns @result, or what went wrong
 * now. */
int output_file_close(struct output_file *file, int result);

#endif
