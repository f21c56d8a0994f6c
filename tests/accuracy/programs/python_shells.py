"""ThreadingHTTPServer that has programs make the calls, in each of the ways that Python starts some. PORT UPSTREAM_PORT"""
import http.server
import os
import subprocess
import sys

PORT, UPSTREAM = int(sys.argv[1]), int(sys.argv[2])


def words(number, what):
    return ["curl", "-s", "-o", "/dev/null", f"http://127.0.0.1:{UPSTREAM}/up/{number}/{what}"]


def line(number, what):
    return " ".join(words(number, what))


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        number = self.path.rpartition("/")[2]
        subprocess.run(words(number, "run"), check=True)
        subprocess.run(line(number, "shell"), shell=True, check=True)
        assert os.system(line(number, "system")) == 0
        assert os.popen(line(number, "popen")).close() is None
        os.waitpid(os.posix_spawnp("curl", words(number, "spawn"), os.environ), 0)
        self.send_response(200)
        self.send_header("Content-Length", str(len(number)))
        self.end_headers()
        self.wfile.write(number.encode())

    def log_message(self, *_arguments):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512


Server(("127.0.0.1", PORT), Handler).serve_forever()
