/* deepbind.h - libraries that are loaded with RTLD_DEEPBIND look for their functions among themselves first: in libc, and
 * not here. PHP loads its extensions so. Their tables are corrected once they are loaded; what they do in their
 * constructors is not seen. */
#ifndef RUN_TRACED_SHIM_DEEPBIND_H
#define RUN_TRACED_SHIM_DEEPBIND_H

/* deepbind_note - some are about to be loaded so. */
void deepbind_note(void);

/* deepbind_correct - what has been loaded so since it was noted calls us from now on, where it would reach libc's own, or
 * the library's that a function belongs to. Costs a load where nothing was noted. Not for signal handlers. */
void deepbind_correct(void);

#endif
