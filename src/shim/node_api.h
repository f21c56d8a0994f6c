/* node_api.h - what the bridge needs of Node-API, version 8 (Node 12.22, 14.17 and later); the ABI is stable. Declared
 * here, as Node's headers are not needed for anything else. https://nodejs.org/api/n-api.html */
#ifndef RUN_TRACED_SHIM_NODE_API_H
#define RUN_TRACED_SHIM_NODE_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct napi_env__ *napi_env;
typedef struct napi_value__ *napi_value;
typedef struct napi_ref__ *napi_ref;
typedef struct napi_callback_info__ *napi_callback_info;
typedef napi_value (*napi_callback)(napi_env env, napi_callback_info info);
typedef void (*napi_cleanup_hook)(void *argument);

enum { NAPI_OK = 0, NAPI_UINT8_ARRAY = 1 };

/* Each returns NAPI_OK or an error. */
struct node_api {
    int (*napi_create_function)(napi_env env, const char *name, size_t len, napi_callback callback, void *state,
                                napi_value *result);
    int (*napi_create_uint32)(napi_env env, uint32_t value, napi_value *result);
    int (*napi_set_named_property)(napi_env env, napi_value object, const char *name, napi_value value);
    int (*napi_get_cb_info)(napi_env env, napi_callback_info info, size_t *argc, napi_value *argv, napi_value *this_arg,
                            void **state);
    int (*napi_get_value_int32)(napi_env env, napi_value value, int32_t *result);
    int (*napi_get_typedarray_info)(napi_env env, napi_value array, int *type, size_t *length, void **bytes,
                                    napi_value *buffer, size_t *offset);
    int (*napi_get_value_string_utf8)(napi_env env, napi_value value, char *bytes, size_t size, size_t *len);
    int (*napi_create_bigint_uint64)(napi_env env, uint64_t value, napi_value *result);
    int (*napi_get_value_bigint_uint64)(napi_env env, napi_value value, uint64_t *result, bool *is_lossless);
    int (*napi_create_reference)(napi_env env, napi_value value, uint32_t count, napi_ref *result);
    int (*napi_add_env_cleanup_hook)(napi_env env, napi_cleanup_hook hook, void *argument);
};

#endif
