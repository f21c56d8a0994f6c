/* environment.h - backends by OpenTelemetry's standard variables: OTEL_TRACES_EXPORTER, OTEL_EXPORTER_OTLP_*,
 * OTEL_EXPORTER_ZIPKIN_*, OTEL_BSP_*. What is wrong in one does not count: launcher/config.h has named it.
 * OpenTelemetry, "General SDK Configuration" and "OpenTelemetry Protocol Exporter". */
#ifndef RUN_TRACED_BACKEND_ENVIRONMENT_H
#define RUN_TRACED_BACKEND_ENVIRONMENT_H

#include "backend/backend.h"

/* backend_environment_targets - the backends that OTEL_TRACES_EXPORTER names, or without it an OTLP endpoint. Returns how
 * many of @max. */
unsigned backend_environment_targets(struct target *out, unsigned max);

/* backend_environment_apply - headers, time limit, compression and certificates of an OTLP backend. */
void backend_environment_apply(struct target *target);

/* backend_environment_limits - OTEL_BSP_* and where to spill, for the rest what is usual. */
struct backend_limits backend_environment_limits(void);

#endif
