/* silence.h - is this thread within a higher layer (libcurl, a TLS library) that speaks for the connections beneath it?
 * What it does there is not looked at. DESIGN.md, rule 2.6. */
#ifndef RUN_TRACED_BASE_SILENCE_H
#define RUN_TRACED_BASE_SILENCE_H

#include "base/compiler.h"

#include <stdbool.h>
#include <stddef.h>

/* The frame of the higher layer's call on this thread; NULL: none. Set for the time of the call, and set back to what
 * it was. */
extern THREAD_LOCAL const char *t_silence_frame;

/* silence_is_on - a frame that an exception or a longjmp has left does not count. Hot path, signal-safe. */
static inline bool silence_is_on(void)
{
    if (LIKELY(!t_silence_frame))
        return false;
    if ((const char *)__builtin_frame_address(0) < t_silence_frame) /* stacks grow downwards */
        return true;
    t_silence_frame = NULL;
    return false;
}

#endif
