"""A WSGI application with requests. UPSTREAM_PORT is in the environment. A timer's thread calls /up/N/after."""
import os
import random
import threading
import time

import requests

UPSTREAM = f"http://127.0.0.1:{os.environ['UPSTREAM_PORT']}/up"
local = threading.local()


def call(number, what):
    """With a session that the thread keeps."""
    if not hasattr(local, "session"):
        local.session = requests.Session()
    return local.session.get(f"{UPSTREAM}/{number}/{what}", timeout=30).content


def application(environ, start_response):
    number = environ["PATH_INFO"].rpartition("/")[2]
    call(number, "a")
    time.sleep(random.uniform(0, 0.005))
    call(number, "b")
    threading.Timer(0.01, call, (number, "after")).start()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(number)))])
    return [number.encode()]
