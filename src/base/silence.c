#include "base/silence.h"

THREAD_LOCAL const char *t_silence_frame;
