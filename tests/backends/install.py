"""The backends' software, got by the package tools of their languages, as these are set up on this machine.

It is made once: programs and archives in cache_path(), Python packages in the build directory. Building is left one
core, at the lowest priority.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

JAEGER = ("github.com/jaegertracing/jaeger", "v1.76.0", "./cmd/jaeger")  # of v2, in the last module of v1
TEMPO = ("github.com/grafana/tempo", "v1.5.0", "./cmd/tempo")
TEMPO_GO = "go1.20.14"  # from 1.21 on packages are initialised in another order, and Tempo panics at its first span
ZIPKIN = "io.zipkin:zipkin-server:3.6.1:jar:exec"
DATADOG_AGENT = "ddapm-test-agent==1.69.1"
XRAY_SERVER = "moto[server,xray]==5.2.5"
BUILD_SECONDS = 3600
FETCH_SECONDS = 300


class Unavailable(Exception):
    """It cannot be had here; says why."""


def cache_path():
    """$RUN_TRACED_BACKENDS, or where caches belong."""
    caches = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(os.environ.get("RUN_TRACED_BACKENDS") or pathlib.Path(caches, "run-traced-backends")).resolve()


def tool(name):
    """The path of a program that is needed here."""
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/local/go/bin")
    if not path:
        raise Unavailable(f"{name} is not installed")
    return path


def last_line(text):
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:200] if lines else "it does not say why"


class Cache:
    """Each public method returns a path, or raises Unavailable. @may_fetch: what is not there is fetched and built."""

    def __init__(self, path, environments_path, may_fetch):
        self.path, self.environments_path, self.may_fetch = path, environments_path, may_fetch

    def jaeger(self):
        """Jaeger v2, without its UI."""
        return self._go_program("jaeger", *JAEGER)

    def tempo(self):
        return self._go_program("tempo", *TEMPO, {"GOTOOLCHAIN": TEMPO_GO})

    def zipkin(self):
        """Zipkin's server, as a jar with everything in it."""
        return self._made(self.path / f"zipkin-{ZIPKIN.split(':')[2]}.jar", self._fetch_jar)

    def datadog_agent(self):
        return self._python("datadog-agent", DATADOG_AGENT) / "bin" / "ddapm-test-agent"

    def xray_server(self):
        return self._python("xray-server", XRAY_SERVER) / "bin" / "moto_server"

    def _made(self, path, make):
        """@path, made by make(path, a directory for what lies about) unless it is there."""
        if path.exists():
            return path
        if not self.may_fetch:
            raise Unavailable("not installed (--fetch installs it)")
        path.parent.mkdir(parents=True, exist_ok=True)
        print(f"installing {path.name}", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}-") as directory:
            make(path, pathlib.Path(directory))
        return path

    def _go_program(self, name, module, version, package, more_env=()):
        """Built in a copy of the module, as the main module: so its own checksums and replacements hold."""
        env = os.environ | {"CGO_ENABLED": "0"} | dict(more_env)

        def make(path, directory):
            answer = step(path, FETCH_SECONDS, tool("go"), "mod", "download", "-json", f"{module}@{version}", cwd=directory)
            source = directory / "source"
            shutil.copytree(json.loads(answer)["Dir"], source)
            step(path, FETCH_SECONDS, "chmod", "-R", "u+w", source)
            shutil.rmtree(source / "vendor", ignore_errors=True)  # a list of what is not in it
            step(path, BUILD_SECONDS, tool("go"), "build", "-p", "1", "-trimpath", "-ldflags=-s -w", "-o",
                 directory / "program", package, cwd=source, env=env)
            os.rename(directory / "program", path)
        return self._made(self.path / f"{name}-{version}", make)

    def _fetch_jar(self, path, directory):
        step(path, FETCH_SECONDS, tool("mvn"), "-q", "-B", "dependency:copy", f"-Dartifact={ZIPKIN}",
             f"-DoutputDirectory={directory}", cwd=directory)
        os.rename(next(directory.glob("*.jar")), path)

    def _python(self, name, requirement):
        """A virtual environment of one package. Its programs have its path in them: it is made where it stays."""
        def make(path, _directory):
            try:
                step(path, FETCH_SECONDS, sys.executable, "-m", "venv", path)
                step(path, FETCH_SECONDS, path / "bin" / "pip", "install", "-q", "--disable-pip-version-check",
                     "--no-input", requirement)
            except BaseException:
                shutil.rmtree(path, ignore_errors=True)
                raise
        return self._made(self.environments_path / f"{name}-{requirement.partition('==')[2]}", make)


def step(path, seconds, *words, **options):
    """Runs one step of making @path, and returns its output. All of it goes to a log beside @path."""
    words = [str(word) for word in words]
    try:
        result = subprocess.run(["nice", "-n", "19", *words], capture_output=True, text=True, errors="replace",
                                timeout=seconds, stdin=subprocess.DEVNULL, check=False, **options)
    except subprocess.TimeoutExpired:
        raise Unavailable(f"{words[0]} takes more than {seconds} s") from None
    with open(f"{path}.log", "a", encoding="utf-8") as log:
        log.write(f"$ {' '.join(words)}\n{result.stdout}{result.stderr}")
    if result.returncode:
        raise Unavailable(f"{pathlib.Path(words[0]).name}: {last_line(result.stderr or result.stdout)}")
    return result.stdout
