#include "shim/python_plumbing.h"

#include "base/compiler.h"

#include <string.h>

/* Files, and directories with all that is in them. */
static const char *const STANDARD[] = {
    "asyncio/", "concurrent/futures/", "contextlib.py", "contextvars.py", "ftplib.py", "functools.py", "http/client.py",
    "imaplib.py", "importlib/", "logging/handlers.py", "nntplib.py", "poplib.py", "selectors.py", "smtplib.py",
    "socket.py", "ssl.py", "telnetlib.py", "threading.py", "urllib/", "xmlrpc/client.py", NULL};
/* Packages and modules of others. */
static const char *const INSTALLED[] = {
    "aiobotocore/", "aiohttp/", "aiohttp_retry/", "anyio/", "async_timeout/", "backoff/", "boto3/", "botocore/",
    "eventlet/", "gevent/", "google/api_core/", "google/auth/", "h11/", "h2/", "hpack/", "httpcore/", "httplib2/",
    "httpx/", "opentelemetry/", "pycurl.py", "requests/", "requests_futures/", "requests_oauthlib/",
    "requests_toolbelt/", "retrying.py", "s3transfer/", "sniffio/", "tenacity/", "trio/", "urllib3/", "uvloop/",
    "websocket/", "websockets/", "wrapt/", NULL};
/* Who stands beyond has only started the loop. */
static const char *const LOOPS[] = {"asyncio/events.py", "asyncio/runners.py", NULL};

static bool begins_with_any(const char *path, size_t len, const char *const *names)
{
    for (; *names; names++) {
        size_t name_len = strlen(*names);
        bool is_directory = (*names)[name_len - 1] == '/';
        if (memcmp(path, *names, MIN(len, name_len)) == 0 && (is_directory ? len > name_len : len == name_len))
            return true;
    }
    return false;
}

/* What follows the last @directory in the path, or NULL. */
static const char *behind(const char *path, size_t len, const char *directory)
{
    size_t directory_len = strlen(directory);
    const char *found = NULL, *at = path;
    while ((at = memmem(at, len - (size_t)(at - path), directory, directory_len)) != NULL)
        found = at += directory_len;
    return found;
}

/* lib/python3.11/http/client.py */
static const char *behind_version(const char *path, size_t len)
{
    const char *at = behind(path, len, "/python3."), *end = path + len;
    while (at && at < end && *at >= '0' && *at <= '9')
        at++;
    return at && at < end && *at == '/' ? at + 1 : NULL;
}

enum site_kind python_file_kind(const char *path, size_t len)
{
    static const char frozen[] = "<frozen ";
    const char *rest = behind(path, len, "/site-packages/");
    if (!rest)
        rest = behind(path, len, "/dist-packages/");
    if (rest)
        return begins_with_any(rest, (size_t)(path + len - rest), INSTALLED) ? SITE_PLUMBING : SITE_CALLER;
    rest = behind_version(path, len);
    if (rest && begins_with_any(rest, (size_t)(path + len - rest), LOOPS))
        return SITE_LOOP;
    if (rest && begins_with_any(rest, (size_t)(path + len - rest), STANDARD))
        return SITE_PLUMBING;
    return len >= sizeof frozen - 1 && memcmp(path, frozen, sizeof frozen - 1) == 0 ? SITE_PLUMBING : SITE_CALLER;
}
