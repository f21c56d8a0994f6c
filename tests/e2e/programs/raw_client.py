"""raw_client.py PORT: speaks as standard input says, a line of JSON: a list of steps.

["send", TEXT] sends it in one call, ["await", TEXT] reads until that has come (once more than before),
["end"] reads until the server closes, ["shut"] sends FIN. TEXT is latin-1. Prints what it received.
"""
import json
import socket
import sys

sock = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 20)
sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
received = b""
checked = 0
for step, *texts in json.load(sys.stdin):
    text = texts[0].encode("latin-1") if texts else b""
    if step == "send":
        sock.sendall(text)
    elif step == "shut":
        sock.shutdown(socket.SHUT_WR)
    while step in ("await", "end"):
        at = received.find(text, checked) if step == "await" else -1
        if at >= 0:
            checked = at + len(text)
            break
        piece = sock.recv(65536)
        if not piece:
            break
        received += piece
sock.close()
sys.stdout.buffer.write(received)
