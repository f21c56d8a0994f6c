/* collector_limits.h - how much of a ring is usable: it begins small, and grows when it turns out to be too small. */
#ifndef RUN_TRACED_LAUNCHER_COLLECTOR_LIMITS_H
#define RUN_TRACED_LAUNCHER_COLLECTOR_LIMITS_H

#include "launcher/collector.h"

/* collector_limits_take - at the beginning: the limits of a ring that is there already count if there is memory for
 * them. */
void collector_limits_take(struct collector *collector);

/* collector_limits_adapt - after a pass in which @count spans have ended: doubles what was short, or soon may be. */
void collector_limits_adapt(struct collector *collector, uint32_t count);

#endif
