"""What the servers here have in common: a free port, and a file that says which."""

import http.server
import os


def serve_forever(handler, path):
    """Serves by @handler; writes the port to @path once it listens."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    with open(path + ".new", "w", encoding="utf-8") as port_file:
        port_file.write(str(server.server_address[1]))
    os.rename(path + ".new", path)
    server.serve_forever()
