"""The servers that are tried, each with its way of waiting for many requests at a time."""
import dataclasses
import importlib.util
import os
import pathlib
import shutil
import subprocess
from typing import Callable

import support

HERE = pathlib.Path(__file__).resolve().parent
SOURCES = HERE / "programs"
PROGRAMS = support.BUILD / "accuracy"
PYTHON = "/usr/bin/python3"
PATH = os.environ["PATH"] + ":/usr/sbin:/sbin"
APACHE_MODULES = pathlib.Path("/usr/lib/apache2/modules")
PHP_FPM = next(iter(sorted(pathlib.Path("/usr/sbin").glob("php-fpm*"))), pathlib.Path("/usr/sbin/php-fpm"))
IS_ROOT = os.geteuid() == 0

TWO, THREE, ONE, RELAY = ("/a", "/b"), ("/a", "/b", "/after"), ("",), ("relay",)
ALL, NEARLY_ALL, ANY = 100, 99, 0


@dataclasses.dataclass
class Model:
    """A server, and what is asked of its spans."""
    name: str
    goal: int  # per cent of the calls whose parent must be right
    calls: tuple  # what is behind /up/N in its calls upstream; "relay": it hands /r/N itself on
    needs: list  # what must be installed
    command: Callable  # of a Place, gives the words
    env: dict = dataclasses.field(default_factory=dict)
    with_ids: bool = False  # requests have an X-Request-ID
    cost: int = 1  # of a request, in those of others: so many fewer are made
    hops: int = 1  # servers that a request goes through, each with a span for it

    def missing(self):
        """The Debian packages that are missing."""
        return [need.package for need in self.needs if not need.is_there()]


@dataclasses.dataclass
class Place:
    """Where a server runs."""
    port: int
    upstream: int
    directory: pathlib.Path

    def write(self, name, text):
        path = self.directory / name
        path.write_text(text)
        return path


@dataclasses.dataclass
class Need:
    package: str
    is_there: Callable


def program(name, package=None):
    return Need(package or name, lambda: shutil.which(name, path=PATH))


def module(name, package):
    return Need(package, lambda: importlib.util.find_spec(name))


def gem(name, package):
    return Need(package, lambda: shutil.which("ruby") and not subprocess.run(
        ["ruby", "-e", f"require '{name}'"], capture_output=True, check=False).returncode)


UVLOOP = module("uvloop", "python3-uvloop")


# ---- programs of our own ----------------------------------------------------------------------------------------------

def compiled(name, goal, binary, calls=TWO, more=()):
    return Model(name, goal, calls, [program("gcc")],
                 lambda place: [PROGRAMS / binary, place.port, place.upstream, *more])


def python(name, goal, script, needs=(), calls=THREE, more=()):
    return Model(name, goal, calls, list(needs),
                 lambda place: [PYTHON, SOURCES / script, place.port, place.upstream, *more])


def starting(model):
    """One that starts programs which make the calls."""
    return dataclasses.replace(model, needs=[*model.needs, program("curl")], cost=10)


def gunicorn(name, *flags, needs=()):
    return Model(name, ALL, THREE, [program("gunicorn"), module("requests", "python3-requests"), *needs],
                 lambda place: [PYTHON, shutil.which("gunicorn"), "--chdir", SOURCES, "--bind", f"127.0.0.1:{place.port}",
                                "--backlog", 512, *flags, "python_wsgi"])


def node(name, script, more=()):
    return Model(name, NEARLY_ALL, THREE, [program("node", "nodejs")],
                 lambda place: ["node", SOURCES / script, place.port, place.upstream, *more])


def programs_make(say):
    """Compiles what is newer than what was made of it."""
    PROGRAMS.mkdir(parents=True, exist_ok=True)
    for source in SOURCES.glob("*.c"):
        make(say, [source, SOURCES / "serving.h"], PROGRAMS / source.stem,
             ["gcc", "-std=gnu11", "-D_GNU_SOURCE", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-pthread"], "-o",
             PROGRAMS / source.stem)
    make(say, [SOURCES / "JavaServer.java"], PROGRAMS / "JavaServer.class", ["javac"], "-d", PROGRAMS)


def make(say, sources, target, compiler, *more):
    if target.exists() and all(target.stat().st_mtime > source.stat().st_mtime for source in sources):
        return
    if shutil.which(compiler[0]):
        say(f"  {compiler[0]} {sources[0].name}")
        subprocess.run([*compiler, sources[0], *more], check=True)


# ---- servers of others ------------------------------------------------------------------------------------------------

def nginx_conf(place, location, upstream=""):
    temp = " ".join(f"{kind}_temp_path {place.directory}/{kind};"
                    for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    return place.write("nginx.conf", f"""daemon off; {'user root;' if IS_ROOT else ''} worker_processes 2;
        pid {place.directory}/nginx.pid; error_log {place.directory}/error.log;
        events {{ worker_connections 1024; }}
        http {{ access_log off; {temp} {upstream}
            server {{ listen 127.0.0.1:{place.port} backlog=512; location /r/ {{ {location} }} }} }}""")


def nginx_words(place, conf):
    return ["nginx", "-e", place.directory / "error.log", "-p", place.directory, "-c", conf]


def nginx_keepalive(place):
    return nginx_words(place, nginx_conf(
        place, 'proxy_pass http://up/up/; proxy_http_version 1.1; proxy_set_header Connection "";',
        f"upstream up {{ server 127.0.0.1:{place.upstream}; keepalive 16; }}"))


def nginx_connecting(place):
    return nginx_words(place, nginx_conf(place, f"proxy_pass http://127.0.0.1:{place.upstream}/up/;"))


OTHER_PATH = r"http-request replace-path /r/(.*) /up/\1"


def haproxy(place, thread_count, rule=""):
    conf = place.write("haproxy.cfg", f"""global
    maxconn 1000
    nbthread {thread_count}
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
frontend front
    bind 127.0.0.1:{place.port}
    {rule}
    default_backend back
backend back
    server one 127.0.0.1:{place.upstream}
""")
    return ["haproxy", "-db", "-f", conf]


def apache(place, mpm, limits):
    names = [f"mpm_{mpm}", "authz_core", "proxy", "proxy_http"]
    load = "\n".join(f"LoadModule {name}_module {APACHE_MODULES}/mod_{name}.so" for name in names)
    user = "User www-data\nGroup www-data" if IS_ROOT else ""
    conf = place.write("apache.conf", f"""ServerName localhost
ServerRoot {place.directory}
DefaultRuntimeDir {place.directory}
PidFile {place.directory}/apache.pid
Listen 127.0.0.1:{place.port}
ListenBacklog 512
{load}
{user}
{limits}
ErrorLog {place.directory}/error.log
ProxyPass /r/ http://127.0.0.1:{place.upstream}/up/
""")
    return ["apache2", "-D", "FOREGROUND", "-f", conf]


def apache_model(mpm, limits):
    return Model(f"apache {mpm} proxy", ALL, ONE, [program("apache2", "apache2-bin")],
                 lambda place: apache(place, mpm, limits))


def puma(place, threads="70:70"):
    return ["puma", "--quiet", "--silent", "-C", "-", "-t", threads, "-b", f"tcp://127.0.0.1:{place.port}?backlog=512",
            SOURCES / "ruby_puma.ru"]


def php_cli(place):
    return ["php", "-S", f"127.0.0.1:{place.port}", SOURCES / "serve.php"]


def php_fpm(place, keeps=False):
    """nginx and PHP-FPM, ended together. A connection that is kept is a child of PHP's that waits."""
    pool = place.write("fpm.conf", f"""[global]
error_log = {place.directory}/fpm.log
daemonize = no
[pool]
{'user = root' if IS_ROOT else ''}
listen = {place.directory}/fpm.sock
listen.backlog = 512
pm = static
pm.max_children = 20
env[UPSTREAM_PORT] = {place.upstream}
""")
    conf = nginx_conf(place, f"""fastcgi_pass php; fastcgi_param REQUEST_URI $request_uri;
        fastcgi_param REQUEST_METHOD GET; fastcgi_param SCRIPT_FILENAME {SOURCES}/serve.php;
        {"fastcgi_keep_conn on;" if keeps else ""}""", f"""upstream php {{ server unix:{place.directory}/fpm.sock;
        {"keepalive 4;" if keeps else ""} }}""")
    words = " ".join(map(str, nginx_words(place, conf)))
    return ["sh", "-c", f"""{PHP_FPM} {'-R' if IS_ROOT else ''} -F -y {pool} & fpm=$!
        until [ -S {place.directory}/fpm.sock ]; do sleep 0.02; done
        {words} & nginx=$!
        trap 'kill $nginx $fpm' TERM
        wait; wait"""]


def php_fpm_model(name, command):
    return Model(name, ALL, THREE, [program("nginx", "nginx-light"), program(PHP_FPM.name, "php-fpm")], command, hops=2)


MODELS = [
    compiled("c threads", ALL, "threads", THREE),
    compiled("c workers", ALL, "workers"),
    compiled("c dispatcher", ALL, "dispatcher"),
    compiled("c prefork", ALL, "prefork"),
    compiled("c fork", ALL, "forking"),
    starting(compiled("c shells", ALL, "shells", ("/a", "/b", "/c"))),
    compiled("c epoll", NEARLY_ALL, "epoll"),
    # Requests wait for a free connection in a queue in memory: which one gets it cannot be seen.
    compiled("c epoll pool", ANY, "epoll", more=[8]),
    Model("nginx proxy keepalive", ALL, ONE, [program("nginx", "nginx-light")], nginx_keepalive),
    Model("nginx proxy", ALL, ONE, [program("nginx", "nginx-light")], nginx_connecting),
    Model("haproxy 1 thread", ALL, RELAY, [program("haproxy")], lambda place: haproxy(place, 1)),
    Model("haproxy 2 threads", ALL, RELAY, [program("haproxy")], lambda place: haproxy(place, 2)),
    Model("haproxy request ids", ALL, ONE, [program("haproxy")], lambda place: haproxy(place, 2, OTHER_PATH), with_ids=True),
    # It reads several requests before it goes on with one of them, and nothing of that one is as it came.
    Model("haproxy other path", ANY, ONE, [program("haproxy")], lambda place: haproxy(place, 2, OTHER_PATH)),
    apache_model("prefork", "StartServers 70\nMaxRequestWorkers 70\nMinSpareServers 70\nMaxSpareServers 70"),
    apache_model("event", "StartServers 2\nThreadsPerChild 35\nMaxRequestWorkers 70"),
    python("python threads", ALL, "python_threads.py"),
    python("python executor", ALL, "python_threads.py", calls=TWO, more=["executor"]),
    starting(python("python shells", ALL, "python_shells.py",
                    calls=("/run", "/shell", "/system", "/popen", "/spawn"))),
    gunicorn("gunicorn sync", "--workers", 8),
    gunicorn("gunicorn gthread", "--workers", 2, "--threads", 35),
    python("aiohttp", NEARLY_ALL, "python_aiohttp.py", [module("aiohttp", "python3-aiohttp")]),
    python("uvicorn httpx", NEARLY_ALL, "python_asgi.py",
           [module("uvicorn", "python3-uvicorn"), module("httpx", "python3-httpx")], more=["asyncio"]),
    python("uvicorn uvloop httpx", NEARLY_ALL, "python_asgi.py",
           [module("uvicorn", "python3-uvicorn"), module("httpx", "python3-httpx"), UVLOOP], more=["uvloop"]),
    python("aiohttp uvloop", NEARLY_ALL, "python_aiohttp.py", [module("aiohttp", "python3-aiohttp"), UVLOOP],
           more=["uvloop"]),
    python("asyncio streams", NEARLY_ALL, "python_streams.py"),
    python("trio httpx", NEARLY_ALL, "python_trio.py",
           [module("trio", "python3-trio"), module("httpx", "python3-httpx")]),
    gunicorn("gunicorn gevent", "--workers", 2, "--worker-class", "gevent", needs=[module("gevent", "python3-gevent")]),
    gunicorn("gunicorn eventlet", "--workers", 2, "--worker-class", "eventlet",
             needs=[module("eventlet", "python3-eventlet")]),
    node("node agent", "node_agent.js"),
    node("node agent 4 sockets", "node_agent.js", [4]),
    node("node fetch", "node_fetch.js"),
    Model("java", ALL, THREE, [program("javac", "default-jdk-headless")],
          lambda place: ["java", "-cp", PROGRAMS, "JavaServer", place.port, place.upstream]),
    Model("webrick", ALL, THREE, [gem("webrick", "ruby-webrick")],
          lambda place: ["ruby", SOURCES / "ruby_webrick.rb", place.port]),
    # Who takes from a queue in memory cannot be told from who goes on with what it did.
    Model("ruby pool", ANY, TWO, [gem("webrick", "ruby-webrick")],
          lambda place: ["ruby", SOURCES / "ruby_pool.rb", place.port]),
    Model("puma", ALL, THREE, [program("puma")], puma),
    Model("puma few threads", ALL, THREE, [program("puma")], lambda place: puma(place, "0:16")),
    Model("php -S", ALL, TWO, [program("php", "php-cli")], php_cli, {"PHP_CLI_SERVER_WORKERS": "8"}),
    php_fpm_model("php-fpm", php_fpm),
    php_fpm_model("php-fpm keepalive", lambda place: php_fpm(place, True)),
]
