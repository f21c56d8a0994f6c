/* environment_check.h - what the environment says of tracing, and nobody understands. */
#ifndef RUN_TRACED_LAUNCHER_ENVIRONMENT_CHECK_H
#define RUN_TRACED_LAUNCHER_ENVIRONMENT_CHECK_H

/* environment_check - names, on stderr, what does not count in OTEL_PROPAGATORS, OTEL_TRACES_SAMPLER, OTEL_TRACES_SAMPLER_ARG
 * and RUN_TRACED_IGNORE. The library passes over it in silence; here somebody may read of it. */
void environment_check(void);

#endif
