"""Requests that the shop does not make: what a format may trip over. Knows nothing of tracing.

Texts of other scripts and with quotes, long ones, a context from elsewhere with a tracestate, a header field that comes
twice, a refused and a broken connection, a TLS connection that cannot be looked into, and a call of which nothing tells
for which of two requests it is made.
"""
import socket
import threading

TRACEPARENT = "00-{:032x}-00f067aa0ba902b7-01"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def read_head(sock):
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        data = sock.recv(1)
        if not data:
            break
        head += data
    return head


class Server:
    """Answers each connection's one request by answer(connection)."""

    def __init__(self, answer):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = self.listener.getsockname()
        self.answer = answer
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            connection, _ = self.listener.accept()
            with connection:
                if read_head(connection):
                    self.answer(connection)


def open_request(address, path="/", method="GET", fields=()):
    """A connection on which a request was made."""
    sock = socket.create_connection(address, timeout=10)
    lines = [f"{method} {path} HTTP/1.1", f"Host: {address[0]}:{address[1]}", *fields, "", ""]
    sock.sendall("\r\n".join(lines).encode())
    return sock


def ask(address, *request):
    with open_request(address, *request) as sock:
        return sock.recv(1000)


def ask_refused():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        address = sock.getsockname()
    try:
        ask(address)
    except ConnectionRefusedError:
        pass


def say_hello_of_tls(address):
    """The beginning of a TLS handshake, which ends there."""
    body = b"\x03\x03" + bytes(32) + b"\x00" + b"\x00\x02\x13\x01" + b"\x01\x00"
    message = b"\x01" + len(body).to_bytes(3, "big") + body
    with socket.create_connection(address) as sock:
        sock.sendall(b"\x16\x03\x01" + len(message).to_bytes(2, "big") + message)
        sock.shutdown(socket.SHUT_WR)
        sock.recv(100)


def ask_for_two(upstream):
    """One thread has read two requests when it makes a call."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        clients = [open_request(listener.getsockname(), f"/both/{i}", "GET", [f"traceparent: {TRACEPARENT.format(0xb0 + i)}"])
                   for i in range(2)]
        connections = [listener.accept()[0] for _ in clients]
        for connection in connections:
            read_head(connection)
        ask(upstream, "/for-whom")
        for sock in connections:
            sock.sendall(ANSWER)
        for sock in clients:
            sock.recv(100)
        for sock in connections + clients:
            sock.close()


def main():
    socket.setdefaulttimeout(10)
    plain = Server(lambda connection: connection.sendall(ANSWER))
    broken = Server(lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort"))
    silent = Server(lambda connection: None)
    ask(plain.address, "/straße/日本/😀", "PUT", ['User-Agent: "quoted" \\back\\slashed\\ <&> Ж'])
    ask(plain.address, "/" + "long/" * 400, "DELETE", ["User-Agent: " + "agent " * 400])
    ask(plain.address, "/listed", "GET", ["X-Listed: one, \"two\"", "X-Listed: three"])
    ask(plain.address, "/continued", "POST", [f"traceparent: {TRACEPARENT.format(0xf << 120 | 1)}",
                                              "tracestate: vendor=a:b@c,other@x=1=2", "Content-Length: 0"])
    ask(plain.address, "/other", "BREW")
    ask(broken.address, "/broken")
    ask(silent.address, "/silent")
    ask_refused()
    say_hello_of_tls(silent.address)
    ask_for_two(plain.address)


if __name__ == "__main__":
    main()
