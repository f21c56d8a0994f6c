/* place_finder.h - a thread that looks up one address after the other: a huge debug file takes seconds, which the
 * collector does not have. One caller, who need not wait for the answer. */
#ifndef RUN_TRACED_LAUNCHER_PLACE_FINDER_H
#define RUN_TRACED_LAUNCHER_PLACE_FINDER_H

#include "launcher/module_file.h"
#include "launcher/source_place.h"

struct place_question {
    struct module_file file;
    uint64_t offset; /* an address as the file has it */
    char path[MODULE_PATH_LEN_MAX + 1];
};

struct place_finder;

/* place_finder_new - starts the thread; signals should be blocked. NULL: it cannot be had. */
struct place_finder *place_finder_new(void);

/* place_finder_ask - begins to look. False: the last question has no answer yet, or it has not been fetched. */
bool place_finder_ask(struct place_finder *finder, const struct place_question *question);

/* How long to wait for an answer: as long as the thread has not worked for @work_ns (its processor's time, of which a busy
 * machine gives it little), and at most @clock_ns. */
struct place_patience {
    uint64_t work_ns, clock_ns;
};

/* place_finder_answer - the answer, and to what question, once: waits for it as long as @patience lasts, and takes off what
 * that took. False: there is none yet. */
bool place_finder_answer(struct place_finder *finder, struct place_patience *patience, struct place_question *question,
                         struct source_place *place);

/* place_finder_free - NULL is fine. A thread that is busy is left to itself, with what it uses. */
void place_finder_free(struct place_finder *finder);

#endif
