"""The suites: what there is to run, and how an outcome is read.

A job is a part of a suite that is run by itself: a module, a file. job_run() returns its outcomes, a dict of
test name: (outcome, details).
"""
import json
import pathlib
import re
import shutil
import subprocess
import sys
import time

import ways

DRIVER = pathlib.Path(__file__).with_name("unittest_driver.py")
CPYTHON = ("socket httplib urllib2_localnet ssl asyncio subprocess os signal threading selectors ftplib "
           "xmlrpc socketserver threading_local").split()
RESOURCES = {None: ["cpu", "subprocess", "walltime"],  # no "network": some of that is other people's hosts
             "test_socketserver": ["network"]}         # and some of it is not
TORNADO = ("httpclient httpserver http1connection simple_httpclient curl_httpclient iostream ioloop "
           "tcpclient tcpserver netutil process web websocket wsgi concurrent asyncio autoreload").split()
# What only tells that the header is there: the test's name, and what its failure must say. The last one
# reads requests 16 bytes at a time and expects the pieces of a body behind a head of 178 bytes. With the
# header the head has 248; the same comes out bare when the request has a header of that length.
BY_DESIGN = ((re.compile(r"test_xmlrpc\.HeadersServerTestCase\.test_header\w*$"),
              re.compile(r"AssertionError: Lists differ: .*, 'traceparent'\] != ")),
             (re.compile(r"httpserver_test\.StreamingChunkSizeTest\.test_regular_body$"),
              re.compile(r"Lists differ: \[16, 16, 16, 2\] != \[8, 16, 16, 10\]$", re.M)))
TAP_LINE = re.compile(r"^( *)(not ok|ok)\b *(\d*)(?: *-)? *(.*)$")


def is_by_design(name, details):
    return any(named.search(name) and says.search(details) for named, says in BY_DESIGN)


class Job:
    """@command runs in @cwd with @environ added; @directory is for the files of a run."""
    is_for_nobody = False

    def __init__(self, name, command, cwd, directory, environ=None):
        self.name = name
        self.command = command
        self.cwd = cwd
        self.directory = directory
        self.environ = environ or {}


class UnittestJob:
    """A module of Python tests. A test that hangs or crashes is an outcome; the next process goes on."""

    def __init__(self, name, python, module, directory, environ=None):
        self.name = name
        self.python = python
        self.module = module
        self.directory = directory
        self.environ = environ or {}

    def run(self, way, limit, only=None, progress=lambda count: None):
        outcomes = {}
        while True:
            done = self._run_once(way, limit, only, outcomes, progress)
            if done:
                return outcomes

    def _run_once(self, way, limit, only, outcomes, progress):
        directory = self.directory / way.kind
        shutil.rmtree(directory, ignore_errors=True)
        (directory / "cwd").mkdir(parents=True)
        order, events = directory / "order.json", directory / "outcomes.jsonl"
        order.write_text(json.dumps({"module": self.module, "only": only, "without": list(outcomes),
                                     "resources": RESOURCES.get(self.name, RESOURCES[None])}))
        events.touch()
        job = Job(self.name, [self.python, str(DRIVER), str(order), str(events)], directory / "cwd",
                  directory, self.environ)
        seen = [0, time.monotonic()]

        def is_alive():
            size = events.stat().st_size
            if size != seen[0]:
                seen[:] = [size, time.monotonic()]
                progress(len(outcomes) + events.read_bytes().count(b"\n") // 2)
            return seen[1]
        ended = ways.run(way, job, limit, is_alive)
        before = len(outcomes)
        return self._read(events, ended, limit, outcomes) or len(outcomes) == before

    @staticmethod
    def _read(events, ended, limit, outcomes):
        """Takes the events into @outcomes; returns whether the last process did all that was left."""
        current = None
        is_at_end = False
        for line in events.read_text().splitlines():
            name, outcome, details = json.loads(line)
            if not name:
                is_at_end = True
            elif outcome == "start":
                current = name
            else:
                outcomes[name] = (outcome, details)
                current = None
        why = f"hung for {limit} s" if ended.status is None else f"its process ended with {ended.status}"
        text = f"{why}\n{ended.errors[-3000:]}"
        if current:
            outcomes[current] = ("hang" if ended.status is None else "crash", text)
        elif ended.status != 0 or not is_at_end:
            outcomes["(the end of the process)"] = (why, text)
            return True
        return is_at_end


class TapJob(Job):
    """A program that speaks the Test Anything Protocol. @is_named: its tests' names are unique, and
    arguments that select (one test a run)."""

    def __init__(self, name, command, cwd, directory, environ=None, is_named=False):
        super().__init__(name, command, cwd, directory, environ)
        self.is_named = is_named

    def run(self, way, limit, only=None, progress=lambda count: None):
        self.directory.mkdir(parents=True, exist_ok=True)
        if self.is_for_nobody:
            self.directory.chmod(0o777)
        if not (self.is_named and only):
            return self._run_command(way, limit)
        outcomes = {}
        whole = self.command
        for name in only:
            self.command = [*whole, name]
            try:
                outcomes.update(self._run_command(way, limit))
            finally:
                self.command = whole
        return outcomes

    def _run_command(self, way, limit):
        ended = ways.run(way, self, limit * 10 if self.is_named else limit)
        outcomes = tap_read(ended.output, self.is_named)
        if not self.is_named:
            end = "hang" if ended.status is None else str(ended.status)
            outcomes["(exit status)"] = (end, f"{ended.output[-1000:]}\n{ended.errors[-3000:]}")
        for name, (outcome, details) in outcomes.items():
            if outcome == "not ok":
                outcomes[name] = (outcome, f"{details}\n{ended.errors[-2000:]}")
        return outcomes


def tap_read(text, is_named):
    """A test's name is its number (in a subtest: after that of the parent), or with @is_named its title."""
    outcomes = {}
    counts = {}
    name = None
    for line in text.splitlines():
        found = TAP_LINE.match(line)
        if not found:
            if name and line.lstrip().startswith("#"):
                outcomes[name] = (outcomes[name][0], outcomes[name][1] + "\n" + line)
            continue
        depth, outcome, number, title = len(found[1]), found[2], found[3], found[4]
        counts = {deep: count for deep, count in counts.items() if deep <= depth}
        counts[depth] = counts.get(depth, 0) + 1
        parents = [str(count + 1) for deep, count in sorted(counts.items()) if deep < depth]
        if re.search(r"# *skip", title, re.I):
            outcome = "skip"
        elif re.search(r"# *todo", title, re.I):
            outcome = "todo"
        name = ".".join([*parents, number or str(counts[depth])])
        if is_named:
            name = title.split(" #")[0].strip()
        outcomes[name] = (outcome, title)
    return outcomes


# ---- the suites -------------------------------------------------------------------------------------------

def cpython(cache, directory):
    python = str(cache.root / "usr/bin/python3.11")
    return [UnittestJob(f"test_{name}", python, f"test.test_{name}", directory / f"test_{name}")
            for name in CPYTHON
            if list((cache.root / "usr/lib/python3.11/test").glob(f"test_{name}*"))]


def tornado(cache, directory):
    python = str(cache.root / "usr/bin/python3.11")
    environ = {"PYTHONPATH": str(cache.root / "usr/lib/python3/dist-packages")}
    return [UnittestJob(f"{name}_test", python, f"tornado.test.{name}_test", directory / name, environ)
            for name in TORNADO]


def perl_jobs(cache, directory, package, parts):
    """@parts: (directory of modules in the package's source, pattern of the tests below it)."""
    source = cache.source(package)
    perl5 = [str(cache.root / "usr/share/perl5"), *map(str, cache.root.glob("usr/lib/*/perl5/5.*"))]
    for part, pattern in parts:
        top = source / part
        for path in sorted(top.glob(pattern)):
            first = path.read_text(errors="replace").partition("\n")[0]
            switches = re.findall(r"-[tTwW]+\b", first) if first.startswith("#!") else []
            name = f"{source.name}/{path.relative_to(source)}"
            libs = [str(top / "lib"), *perl5]
            includes = [f"-I{lib}" for lib in libs]
            yield TapJob(name, ["perl", *switches, *includes, str(path.relative_to(top))], top,
                         directory / re.sub(r"\W+", "-", name), {"PERL5LIB": ":".join(libs), **PERL_ORDER})


PERL_ORDER = {"PERL_HASH_SEED": "0", "PERL_PERTURB_KEYS": "0"}  # what order tests come in
PERL = (("libhttp-daemon-perl", [(".", "t/*.t")]),
        ("libnet-http-perl", [(".", "t/*.t")]),
        ("libwww-perl", [(".", "t/*.t"), (".", "t/base/*.t"), (".", "t/local/*.t"), (".", "t/robot/*.t")]),
        ("perl", [("cpan/HTTP-Tiny", "t/*.t"), ("cpan/IO-Socket-IP", "t/*.t"), ("cpan/libnet", "t/*.t"),
                  ("cpan/Socket", "t/*.t"), ("dist/IO", "t/*.t"), ("dist/threads", "t/*.t"),
                  ("dist/Net-Ping", "t/*.t"), ("ext/IPC-Open3", "t/*.t")]))
MOJOLICIOUS = [(".", "t/mojo/*.t"), (".", "t/mojolicious/*.t")]
MOJOLICIOUS_TOO = "HYPNOTOAD MORBO PREFORK SOCKS SUBPROCESS TLS UNIX".split()  # not tried untold


def perl(cache, directory):
    return [job for package, parts in PERL for job in perl_jobs(cache, directory, package, parts)]


def mojolicious(cache, directory):
    jobs = list(perl_jobs(cache, directory, "libmojolicious-perl", MOJOLICIOUS))
    for job in jobs:
        job.environ.update({f"TEST_{name}": "1" for name in MOJOLICIOUS_TOO})
    return jobs


def libuv(cache, directory):
    build = cache.source("libuv1") / "build"
    if not (build / "uv_run_tests").exists():
        for command in (["cmake", "-S", "..", "-B", "."], ["make", "-j2", "uv_run_tests"]):
            build.mkdir(exist_ok=True)
            subprocess.run(command, cwd=build, check=True, stdout=subprocess.DEVNULL)
    job = TapJob("uv_run_tests", [str(build / "uv_run_tests")], build, directory / "uv", is_named=True)
    job.is_for_nobody = True
    build.chmod(0o777)  # the tests write there
    return [job]


SUITES = {"cpython": cpython, "tornado": tornado, "perl": perl, "mojolicious": mojolicious, "libuv": libuv}
