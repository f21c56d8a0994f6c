#include "launcher/place_finder.h"

#include "base/clock.h"
#include "base/compiler.h"
#include "base/text.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum finder_state { FINDER_IDLE, FINDER_ASKED, FINDER_ANSWERED };

/* How long a file stays open that nobody asks for: call sites come in bunches. */
static const uint64_t KEEP_OPEN_NS = NANOS_PER_SECOND;
/* How often one who waits looks how much the thread has worked. */
static const uint64_t GLANCE_NS = 20 * NANOS_PER_MILLI;
static const uint64_t LEAVING_MAX_NS = 100 * NANOS_PER_MILLI;

struct place_finder {
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows, up to the thread's own */
    pthread_cond_t is_changed;
    enum finder_state state;
    bool is_leaving;
    struct place_question question;
    struct source_place place;
    /* The thread's own: one file at a time, so that memory is bounded. */
    struct source_file *open;
    struct module_file open_file;
};

static struct timespec time_after(clockid_t clock, uint64_t wait_ns)
{
    struct timespec time;
    clock_gettime(clock, &time);
    uint64_t sum_ns = (uint64_t)time.tv_nsec + wait_ns;
    time.tv_sec += (time_t)(sum_ns / NANOS_PER_SECOND);
    time.tv_nsec = (long)(sum_ns % NANOS_PER_SECOND);
    return time;
}

static void file_close(struct place_finder *finder)
{
    source_file_close(finder->open);
    finder->open = NULL;
}

/* A file that is cut off while libdw has it mapped: the look-up is left where it stands, and so is the file, since
 * nobody knows what is half done. */
static THREAD_LOCAL sigjmp_buf *t_way_out;

static void bus_error_leave(int number)
{
    if (t_way_out)
        siglongjmp(*t_way_out, number);
    signal(number, SIG_DFL);
    raise(number);
}

/* In the thread that looks; what the signal does is the whole process's. */
static void bus_error_expect(void)
{
    struct sigaction leave = {.sa_handler = bus_error_leave};
    sigset_t bus_error;
    sigemptyset(&bus_error);
    sigaddset(&bus_error, SIGBUS);
    sigaction(SIGBUS, &leave, NULL);
    pthread_sigmask(SIG_UNBLOCK, &bus_error, NULL);
}

static struct source_file *file_open(const char *path, const struct module_file *file)
{
    int fd = module_file_open(path, file);
    struct source_file *found = fd < 0 ? NULL : source_file_open(fd, path);
    if (!found || !file->build_id_len || source_file_has_build_id(found, file->build_id, file->build_id_len))
        return found;
    source_file_close(found);
    return NULL;
}

/* Where debuggers look for what is not at its path any more: GDB, "Debugging Information in Separate Files". */
static struct source_file *debug_file_open(const struct module_file *file)
{
    char bytes[128];
    struct text text = text_on(bytes, sizeof bytes - 1);
    if (file->build_id_len < 2)
        return NULL;
    text_append_string(&text, "/usr/lib/debug/.build-id/");
    text_append_hex(&text, file->build_id, 1);
    text_append_char(&text, '/');
    text_append_hex(&text, file->build_id + 1, file->build_id_len - 1);
    text_append_string(&text, ".debug");
    bytes[text.len] = '\0';
    return file_open(bytes, file);
}

/* Does without the lock: whoever has asked keeps the question until it has the answer. */
static void look(struct place_finder *finder)
{
    const struct place_question *question = &finder->question;
    finder->place = (struct source_place){.line = 0};
    if (!finder->open || memcmp(&finder->open_file, &question->file, sizeof question->file) != 0) {
        file_close(finder);
        finder->open = file_open(question->path, &question->file);
        if (!finder->open)
            finder->open = debug_file_open(&question->file);
        finder->open_file = question->file;
    }
    if (finder->open)
        source_file_find(finder->open, question->offset, &finder->place);
}

static void look_guarded(struct place_finder *finder)
{
    sigjmp_buf way_out;
    if (sigsetjmp(way_out, 1) == 0) {
        t_way_out = &way_out;
        look(finder);
    } else {
        finder->open = NULL;
        finder->place = (struct source_place){.line = 0};
    }
    t_way_out = NULL;
}

/* False: it is time to leave. */
static bool question_wait(struct place_finder *finder)
{
    struct timespec until = time_after(CLOCK_MONOTONIC, KEEP_OPEN_NS);
    while (finder->state != FINDER_ASKED && !finder->is_leaving) {
        if (!finder->open)
            pthread_cond_wait(&finder->is_changed, &finder->lock);
        else if (pthread_cond_clockwait(&finder->is_changed, &finder->lock, CLOCK_MONOTONIC, &until) == ETIMEDOUT)
            file_close(finder);
    }
    return !finder->is_leaving;
}

static void *finder_run(void *argument)
{
    struct place_finder *finder = argument;
    bus_error_expect();
    pthread_mutex_lock(&finder->lock);
    while (question_wait(finder)) {
        pthread_mutex_unlock(&finder->lock);
        look_guarded(finder);
        pthread_mutex_lock(&finder->lock);
        finder->state = FINDER_ANSWERED;
        pthread_cond_broadcast(&finder->is_changed);
    }
    pthread_mutex_unlock(&finder->lock);
    file_close(finder);
    return NULL;
}

struct place_finder *place_finder_new(void)
{
    struct place_finder *finder = calloc(1, sizeof *finder);
    if (!finder)
        return NULL;
    pthread_mutex_init(&finder->lock, NULL);
    pthread_cond_init(&finder->is_changed, NULL);
    if (pthread_create(&finder->thread, NULL, finder_run, finder) == 0)
        return finder;
    free(finder);
    return NULL;
}

bool place_finder_ask(struct place_finder *finder, const struct place_question *question)
{
    pthread_mutex_lock(&finder->lock);
    bool is_free = finder->state == FINDER_IDLE;
    if (is_free) {
        finder->question = *question;
        finder->state = FINDER_ASKED;
        pthread_cond_broadcast(&finder->is_changed);
    }
    pthread_mutex_unlock(&finder->lock);
    return is_free;
}

static uint64_t work_ns(const struct place_finder *finder)
{
    struct timespec spent = {.tv_sec = 0};
    clockid_t clock;
    if (pthread_getcpuclockid(finder->thread, &clock) == 0)
        clock_gettime(clock, &spent);
    return (uint64_t)spent.tv_sec * NANOS_PER_SECOND + (uint64_t)spent.tv_nsec;
}

/* With the lock. False: the patience is at an end. */
static bool answer_wait(struct place_finder *finder, struct place_patience *patience)
{
    uint64_t clock_ns = clock_monotonic_ns(), before_ns = work_ns(finder);
    uint64_t wait_ns = MIN(MIN(patience->work_ns, patience->clock_ns), GLANCE_NS);
    struct timespec until = time_after(CLOCK_MONOTONIC, wait_ns);
    if (!patience->work_ns || !patience->clock_ns)
        return false;
    pthread_cond_clockwait(&finder->is_changed, &finder->lock, CLOCK_MONOTONIC, &until);
    patience->work_ns -= MIN(work_ns(finder) - before_ns, patience->work_ns);
    patience->clock_ns -= MIN(clock_monotonic_ns() - clock_ns, patience->clock_ns);
    return true;
}

bool place_finder_answer(struct place_finder *finder, struct place_patience *patience, struct place_question *question,
                         struct source_place *place)
{
    pthread_mutex_lock(&finder->lock);
    while (finder->state == FINDER_ASKED && answer_wait(finder, patience))
        ;
    bool is_there = finder->state == FINDER_ANSWERED;
    if (is_there) {
        *question = finder->question;
        *place = finder->place;
        finder->state = FINDER_IDLE;
    }
    pthread_mutex_unlock(&finder->lock);
    return is_there;
}

void place_finder_free(struct place_finder *finder)
{
    if (!finder)
        return;
    pthread_mutex_lock(&finder->lock);
    finder->is_leaving = true;
    pthread_cond_broadcast(&finder->is_changed);
    pthread_mutex_unlock(&finder->lock);
    struct timespec until = time_after(CLOCK_REALTIME, LEAVING_MAX_NS);
    if (pthread_timedjoin_np(finder->thread, NULL, &until) == 0)
        free(finder);
    else
        pthread_detach(finder->thread);
}
