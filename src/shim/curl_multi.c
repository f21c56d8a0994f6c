/* libcurl's multi interface: a transfer begins when its handle is added. How it ended is in a message that libcurl has
 * for the application, which may never ask for it: so the messages are taken as soon as there are any, and handed on
 * when they are asked for. */
#include "shim/callsite_record.h"
#include "shim/curl_multi.h"
#include "shim/curl_transfer.h"
#include "shim/real.h"

enum { MESSAGES_MAX = 1000, SLOT_COUNT = 1024 };

/* A multi handle is used by one thread at a time (libcurl's rule). */
struct multi {
    struct handle_object handle;
    bool is_left_alone; /* it has handles that we could not follow: its messages are not ours to take */
    size_t first, count; /* of messages that wait for the application */
    CURLMsg *messages[MESSAGES_MAX]; /* each lives as long as its easy handle is in here */
};

static BULKY _Atomic(struct handle_object *) g_slots[SLOT_COUNT];

static void multi_init(void *object)
{
    struct multi *multi = object;
    multi->is_left_alone = false;
    multi->first = multi->count = 0;
}

static BULKY_DATA struct slab g_objects = SLAB_INITIALIZER(sizeof(struct multi), 4, 256);
static const struct handle_map g_multis = {
    .slab = &g_objects,
    .slots = g_slots,
    .slot_count = SLOT_COUNT,
    .init = multi_init,
};

static struct multi *multi_find(const CURLM *handle)
{
    return handle_map_find(&g_multis, handle);
}

/* ---- messages ---- */

static void message_put(struct multi *multi, CURLMsg *message)
{
    multi->messages[(multi->first + multi->count++) % MESSAGES_MAX] = message;
}

static CURLMsg *message_take(struct multi *multi)
{
    CURLMsg *message = multi->messages[multi->first];
    multi->first = (multi->first + 1) % MESSAGES_MAX;
    multi->count--;
    return message;
}

/* As libcurl does with those of a handle that is taken out. */
static void messages_drop(struct multi *multi, const CURL *easy)
{
    for (size_t left = multi->count; left > 0; left--) {
        CURLMsg *message = message_take(multi);
        if (message->easy_handle != easy)
            message_put(multi, message);
    }
}

/* What has ended since the last time ends its spans. */
static void messages_note(CURLM *handle, const struct curl_library *real)
{
    struct multi *multi = multi_find(handle);
    CURLMsg *message;
    int left;
    while (multi && !multi->is_left_alone && multi->count < MESSAGES_MAX && (message = real->multi_info_read(handle, &left))) {
        message_put(multi, message);
        struct curl_handle *easy =
            message->msg == CURLMSG_DONE ? curl_handle_find(message->easy_handle) : NULL;
        if (easy)
            curl_transfer_end(easy, real, message->data.result);
    }
}

void curl_multi_forget(struct curl_handle *handle)
{
    struct multi *multi = handle->multi ? multi_find(handle->multi) : NULL;
    if (multi)
        messages_drop(multi, handle->easy.handle);
    handle->multi = NULL;
}

/* ---- the interposed calls ---- */

static bool is_ours(const struct curl_library *real)
{
    return shim_is_tracing() && real->multi_info_read && real->getinfo && real->setopt && real->strerror;
}

EXPORT CURLMcode curl_multi_add_handle(CURLM *multi, CURL *easy)
{
    const struct curl_library *real = curl_library_of(__builtin_return_address(0));
    if (!real || !real->multi_add_handle)
        return CURLM_INTERNAL_ERROR;
    CALLSITE_ENTER();
    int saved = errno;
    struct multi *known = is_ours(real) && multi && easy ? handle_map_get(&g_multis, multi) : NULL;
    struct curl_handle *handle = known ? curl_handle_get(easy) : NULL;
    if (known && !handle)
        known->is_left_alone = true;
    bool is_begun = handle && !handle->multi && curl_transfer_begin(handle, real);
    errno = saved;
    CURLMcode code = real->multi_add_handle(multi, easy);
    if (is_begun && code != CURLM_OK)
        curl_transfer_abandon(handle, real);
    else if (handle && code == CURLM_OK)
        handle->multi = multi;
    return code;
}

EXPORT CURLMcode curl_multi_remove_handle(CURLM *multi, CURL *easy)
{
    const struct curl_library *real = curl_library_of(__builtin_return_address(0));
    if (!real || !real->multi_remove_handle)
        return CURLM_INTERNAL_ERROR;
    CURLMcode code = real->multi_remove_handle(multi, easy);
    int saved = errno;
    struct curl_handle *handle = code == CURLM_OK ? curl_handle_find(easy) : NULL;
    if (handle && handle->multi == multi) {
        curl_transfer_give_up(handle, real);
        curl_multi_forget(handle);
    }
    errno = saved;
    return code;
}

/* Runs libcurl's part of an event loop: what its sockets do there is its own business. */
#define RUN_SILENTLY(member, ...)                                                                  \
    const struct curl_library *real = curl_library_of(__builtin_return_address(0));               \
    if (!real || !real->member)                                                                    \
        return CURLM_INTERNAL_ERROR;                                                               \
    const char *outer = t_silence_frame;                                                           \
    t_silence_frame = __builtin_frame_address(0);                                                  \
    CURLMcode code = real->member(__VA_ARGS__);                                                    \
    t_silence_frame = outer;                                                                       \
    int saved = errno;                                                                             \
    if (is_ours(real))                                                                             \
        messages_note(multi, real);                                                                \
    errno = saved;                                                                                 \
    return code

EXPORT CURLMcode curl_multi_perform(CURLM *multi, int *running)
{
    RUN_SILENTLY(multi_perform, multi, running);
}

EXPORT CURLMcode curl_multi_socket_action(CURLM *multi, curl_socket_t socket, int events, int *running)
{
    RUN_SILENTLY(multi_socket_action, multi, socket, events, running);
}

EXPORT CURLMcode(curl_multi_socket)(CURLM *multi, curl_socket_t socket, int *running)
{
    RUN_SILENTLY(multi_socket, multi, socket, running);
}

EXPORT CURLMcode curl_multi_socket_all(CURLM *multi, int *running)
{
    RUN_SILENTLY(multi_socket_all, multi, running);
}

/* Who hears of an answer goes on with what it was asked for. */
static void activate(struct curl_handle *handle)
{
    if (!handle || handle->active.source == ACTIVE_NONE)
        return;
    active_set(&handle->active);
    active_note_use();
    handle->active.source = ACTIVE_NONE;
}

EXPORT CURLMsg *curl_multi_info_read(CURLM *multi, int *left)
{
    const struct curl_library *real = curl_library_of(__builtin_return_address(0));
    struct multi *known = multi_find(multi);
    if (!known || known->count == 0)
        return real && real->multi_info_read ? real->multi_info_read(multi, left) : NULL;
    CURLMsg *message = message_take(known);
    *left = (int)known->count;
    int saved = errno;
    activate(curl_handle_find(message->easy_handle));
    errno = saved;
    return message;
}

struct cleanup {
    CURLM *multi;
    const struct curl_library *real;
};

/* The easy handles live on, in no multi handle. */
static void give_up(struct curl_handle *handle, void *state)
{
    const struct cleanup *cleanup = state;
    if (handle->multi != cleanup->multi)
        return;
    curl_transfer_give_up(handle, cleanup->real);
    handle->multi = NULL;
}

EXPORT CURLMcode curl_multi_cleanup(CURLM *multi)
{
    const struct curl_library *real = curl_library_of(__builtin_return_address(0));
    if (!real || !real->multi_cleanup)
        return CURLM_INTERNAL_ERROR;
    int saved = errno;
    if (multi_find(multi)) {
        struct cleanup cleanup = {multi, real};
        curl_handle_each(give_up, &cleanup);
        handle_map_forget(&g_multis, multi);
    }
    errno = saved;
    return real->multi_cleanup(multi);
}
