/* node.h - the bridge into Node.js, whose event loop alone knows which request a call is made for. See node_bridge.cjs
 * for the other half, and for why it is safe. */
#ifndef RUN_TRACED_SHIM_NODE_H
#define RUN_TRACED_SHIM_NODE_H

/* node_begin - if this process is Node, has it load the script that lies beside the library: this process's NODE_OPTIONS
 * begins with it until the script runs, which puts it back. Library start-up only. One look into a hash table in other programs.
 * @argv: the program's arguments, NULL-terminated. */
void node_begin(char *const argv[]);

/* node_entry - what Node gets if it asks the object @handle for napi_register_module_v1: the bridge's own entry if the
 * object is this library, which exports no such name; else NULL. */
void *node_entry(const void *handle);

#endif
