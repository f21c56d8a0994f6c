"""callbacks_threads.py PORT-FILE [concurrent]: for each POST with [{"url": ..., "arguments": ...}], posts the
arguments to each URL, in order or at once. A thread a request, urllib."""
import http.server
import json
import sys
import threading
import urllib.request

from serving import serve_forever


def call(action):
    headers = {"Content-Type": "application/json"}
    body = json.dumps(action["arguments"]).encode()
    urllib.request.urlopen(urllib.request.Request(action["url"], body, headers)).read()


def call_at_once(actions):
    threads = [threading.Thread(target=call, args=(action,)) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self):
        actions = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if "concurrent" in sys.argv[2:]:
            call_at_once(actions)
        else:
            for action in actions:
                call(action)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


serve_forever(Handler, sys.argv[1])
