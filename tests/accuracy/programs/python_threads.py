"""ThreadingHTTPServer with http.client: a thread for each connection. PORT UPSTREAM_PORT ["executor"]

With "executor" the calls are made by the threads of a ThreadPoolExecutor, which the handler waits for. Without, a
thread is started after the answer, for /up/N/after.
"""
import concurrent.futures
import http.client
import http.server
import random
import sys
import threading
import time

PORT, UPSTREAM = int(sys.argv[1]), int(sys.argv[2])
EXECUTOR = concurrent.futures.ThreadPoolExecutor(70) if "executor" in sys.argv else None
local = threading.local()


def call(number, what):
    """Over a connection that the thread keeps."""
    if not hasattr(local, "connection"):
        local.connection = http.client.HTTPConnection("127.0.0.1", UPSTREAM)
    local.connection.request("GET", f"/up/{number}/{what}")
    return local.connection.getresponse().read()


def call_there(number, what):
    """By another thread, if there is an executor."""
    return EXECUTOR.submit(call, number, what).result() if EXECUTOR else call(number, what)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        number = self.path.rpartition("/")[2]
        call_there(number, "a")
        time.sleep(random.uniform(0, 0.005))
        call_there(number, "b")
        self.send_response(200)
        self.send_header("Content-Length", str(len(number)))
        self.end_headers()
        self.wfile.write(number.encode())
        if not EXECUTOR:
            threading.Thread(target=call, args=(number, "after"), daemon=True).start()

    def log_message(self, *_arguments):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512


Server(("127.0.0.1", PORT), Handler).serve_forever()
