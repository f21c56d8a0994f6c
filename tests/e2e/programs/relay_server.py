"""relay_server.py PORT-FILE UPSTREAM-PORT [HEADER...]: asks upstream for each request it gets, and passes
these headers on as they came."""
import http.client
import http.server
import sys

from serving import serve_forever


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        upstream = http.client.HTTPConnection("127.0.0.1", int(sys.argv[2]))
        upstream.putrequest("GET", self.path)
        for name in sys.argv[3:]:
            for value in self.headers.get_all(name) or []:
                upstream.putheader(name, value)
        upstream.endheaders()
        content = upstream.getresponse().read()
        upstream.close()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


serve_forever(Handler, sys.argv[1])
