"""relay_server.py PORT-FILE UPSTREAM-PORT [HEADER...]: asks upstream for each request it gets, and passes
these headers on as they came."""
import http.client
import http.server
import os
import sys


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


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
with open(sys.argv[1] + ".new", "w", encoding="utf-8") as port_file:
    port_file.write(str(server.server_address[1]))
os.rename(sys.argv[1] + ".new", sys.argv[1])
server.serve_forever()
