"""A tiny server: python hello.py PORT"""

import logging
import sys

from flask import Flask
from werkzeug.serving import WSGIRequestHandler, run_simple

app = Flask("hello")
logging.getLogger("werkzeug").disabled = True
WSGIRequestHandler.protocol_version = "HTTP/1.1"  # keep-alive


@app.route("/")
def hello():
    return "Hello, world!\n"


run_simple("127.0.0.1", int(sys.argv[1]), app, threaded=True)
