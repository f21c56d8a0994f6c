"""echo_server.py PORT-FILE LOG-FILE: an HTTP/1.1 server that knows nothing of tracing.

Writes each request to the log as a line of JSON: request line, headers, body. Answers with the body
it got, or with 17 bytes; /status/N answers with status N, /big/N with N bytes.
"""
import base64
import http.server
import json
import sys

from serving import serve_forever


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with open(sys.argv[2], "a", encoding="utf-8") as log:
            log.write(json.dumps({"line": self.requestline, "headers": self.headers.items(),
                                  "body": base64.b64encode(body).decode()}) + "\n")
        status, content = 200, body or b"seventeen bytes.\n"
        if self.path.startswith("/status/"):
            status = int(self.path[8:])
        if self.path.startswith("/big/"):
            content = bytes(i % 251 for i in range(int(self.path[5:])))
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = answer

    def log_message(self, *_):
        pass


serve_forever(Handler, sys.argv[1])
