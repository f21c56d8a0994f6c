/* collector.h - takes spans out of a ring, formats them, and hands them to the exporters.
 *
 * It believes nothing that is in the ring: a record is copied before it is looked at, and whatever the
 * copy says, only what fits is read. No content of the ring can make it crash, hang or grow. */
#ifndef RUN_TRACED_LAUNCHER_COLLECTOR_H
#define RUN_TRACED_LAUNCHER_COLLECTOR_H

#include "export/ring.h"
#include "launcher/coverage.h"
#include "launcher/process_spans.h"
#include "launcher/newcomers.h"
#include "launcher/traced_processes.h"


struct backends;
struct call_sites;
struct keep;
struct line_batch;
struct outputs;
struct tail;

/* One in so many newcomers has all of the ring's processes looked at: for who died before it said that it was there. */
enum { COLLECTOR_GREETINGS_A_SCAN = 64 };

struct collector {
    struct ring *ring;
    const char *ring_path;
    /* What is usable, as we know it: there is memory behind it. What the ring says may be a lie. */
    uint32_t record_limit;
    uint32_t process_limit;
    uint64_t known_full_count, known_crowded_count; /* losses that made the limits grow */
    uint32_t greeting_count;
    bool has_scanned; /* for new processes, in this pass */
    int epoll_fd; /* readable when collector_work has something to do */
    int timer_fd;
    uint64_t delay_ns; /* until the next look; 0: nobody is there, so never */
    struct newcomers newcomers;
    uint32_t newcomer_count; /* in this pass */
    struct traced_processes processes;
    struct line_batch *batch;
    struct backends *backends; /* NULL: none */
    struct tail *tail; /* NULL: all traces are kept */
    struct call_sites *call_sites; /* NULL: they stay addresses */
    struct process_spans *process_spans; /* NULL: there are none */
    struct coverage coverage;
    struct process_command command;
    bool is_closing;        /* nobody will collect after us */
    bool has_command_ended; /* and this is how: */
    int command_status;
    uint64_t command_end_ns; /* monotonic */
};

/* collector_open - begins to collect from the ring at @path, which is mapped as @ring.
 * @outputs: must stay. @is_telling: at once when a backend is away. Returns 0 or a negative errno. */
int collector_open(struct collector *collector, struct ring *ring, const char *path,
                   const struct outputs *outputs, bool is_telling);

/* collector_keep - right after collector_open: traces are kept as @keep says, which may be that all are. Returns 0, or
 * -ENOMEM: then all are. */
int collector_keep(struct collector *collector, const struct keep *keep);

/* collector_look_up - right after collector_open: spans get the source lines of their calls (call_sites.h). Without memory
 * for that they do not. @oldest_boottime_ns: no traced process is older; 0: who knows. */
void collector_look_up(struct collector *collector, uint64_t oldest_boottime_ns);

/* collector_programs - right after collector_open: processes have spans, as @mode says; @root is the command's. Without memory
 * for that there is no telling which are worth it: all are reported. */
void collector_programs(struct collector *collector, enum process_spans_mode mode, const struct ring_program *root,
                        const struct process_command *command);

/* collector_work - does what is due, without waiting. */
void collector_work(struct collector *collector);

/* collector_note_exit - our own child was reaped: what its parent alone can know. */
void collector_note_exit(struct collector *collector, pid_t pid, int wait_status);

/* collector_live_count - processes that made spans and are still there. */
uint32_t collector_live_count(const struct collector *collector);

/* collector_leave - collects what there is and goes; the ring stays open to those who live on, and to a
 * later collector. */
void collector_leave(struct collector *collector);

/* collector_close - collects the rest, closes the ring to those who live on, and flushes. What they
 * have open is not reported. */
void collector_close(struct collector *collector);

#endif
