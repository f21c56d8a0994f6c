"""Packages of Python's that Debian does not have, from PyPI, once, into the build directory."""

import fcntl
import os
import subprocess
import tempfile
import time

from support import BUILD, PYTHON

INSTALL_SECONDS = 60
TRY_AGAIN_SECONDS = 300


def pip_install(directory, packages):
    """Returns why it cannot be done, or nothing."""
    command = [PYTHON, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-input", "--retries", "0",
               "--timeout", "5", "--target", directory, *packages]
    try:
        subprocess.run(command, capture_output=True, text=True, check=True, timeout=INSTALL_SECONDS,
                       stdin=subprocess.DEVNULL)
    except subprocess.CalledProcessError as error:
        return (error.stderr.strip() or "pip failed").splitlines()[-1][:200]
    except subprocess.TimeoutExpired:
        return f"pip takes more than {INSTALL_SECONDS} s"
    return ""


def install(name, packages):
    """Installs @packages into BUILD/@name, unless that is there. Returns why it is not, or nothing. Each test asks,
    several of them at the same time: who comes first writes down what stood in the way."""
    target = BUILD / name
    with open(BUILD / f"{name}.lock", "a+", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.seek(0)
        reason = lock.read()
        if target.exists():
            return ""
        if reason and time.time() - os.fstat(lock.fileno()).st_mtime < TRY_AGAIN_SECONDS:
            return reason
        with tempfile.TemporaryDirectory(dir=BUILD) as directory:
            reason = pip_install(f"{directory}/new", packages)
            if not reason:
                os.rename(f"{directory}/new", target)
        lock.truncate(0)
        lock.write(reason)
        return reason
