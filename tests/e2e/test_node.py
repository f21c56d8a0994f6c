"""Node.js: one thread serves many requests, and goes from one to the other by timers and promises. Each call is to be the
child of the request that it was made for."""

import http.client
import os
import re
import shutil
import socket
import subprocess
import threading
import unittest

from support import (BUILD, PATIENCE, PROGRAMS, SHIM, StrictServer, TracedTest, attribute, clean_env, describe, needs,
                     needs_root, not_sanitized, of_kind, preload_env, sanitizer_env)

NODE = os.environ.get("NODE", "node")
AT_ONCE = 64


def path_of(span):
    return attribute(span, "url.path") or re.sub(r"https?://[^/]*", "", attribute(span, "url.full"))


@needs(NODE)
@not_sanitized("Node crashes at its start with the sanitized library")
class Node(TracedTest):
    env = {}
    program = "relay.js"

    def start_relay(self, **env):
        upstream = self.serve(StrictServer())
        port_file = self.directory / "port"
        relay = self.start(NODE, PROGRAMS / self.program, upstream.port, port_file, ready=port_file.exists,
                           env=self.env | env)
        relay.port = int(port_file.read_text())
        relay.upstream = upstream
        return relay

    def ask(self, port, hows, numbers, body=None):
        """One connection with a request for each of @numbers, one after the other."""
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        for number in numbers:
            connection.request("POST" if body else "GET", f"/{hows[number % len(hows)]}/{number}", body)
            self.statuses.append((connection.getresponse().read(), number))
        connection.close()

    def relays(self, *hows, calls, rounds=4, body=None, **env):
        """Asks for @rounds times AT_ONCE relays; returns how many of the @calls have the right parent, a wrong one, none."""
        relay = self.start_relay(**env)
        self.statuses = []
        threads = [threading.Thread(target=self.ask, args=(relay.port, hows, range(n, rounds * AT_ONCE, AT_ONCE), body))
                   for n in range(AT_ONCE)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(self.statuses), rounds * AT_ONCE)
        self.wait_spans((1 + calls) * rounds * AT_ONCE)
        self.stop_servers()
        self.assert_no_problems(relay.upstream)
        return self.count_parents(self.spans(), calls * rounds * AT_ONCE)

    def count_parents(self, spans, count):
        self.found = spans
        servers = {span["spanId"]: span for span in of_kind(spans, "SERVER")}
        right = wrong = none = 0
        clients = [span for span in of_kind(spans, "CLIENT") if not path_of(span).startswith("/tick")]
        for span in clients:
            parent = servers.get(span.get("parentSpanId"))
            right += bool(parent) and path_of(parent) == path_of(span)
            wrong += bool(parent) and path_of(parent) != path_of(span)
            none += parent is None
        self.assertEqual(len(clients), count, describe(clients))
        for span in of_kind(spans, "CLIENT"):
            if path_of(span).startswith("/tick"):
                self.assertNotIn("parentSpanId", span)
        return right, wrong, none

    def check(self, *hows, calls=1, rounds=4, **more):
        result = self.relays(*hows, calls=calls, rounds=rounds, **more)
        self.assertEqual(result, (calls * rounds * AT_ONCE, 0, 0))


class Parents(Node):
    def test_baggage_goes_along(self):
        relay = self.start_relay()
        baggage = "user=" + "u" * 500
        for number, value in enumerate((baggage, "short=1", None)):
            connection = http.client.HTTPConnection("127.0.0.1", relay.port, timeout=30)
            connection.request("GET", f"/agent/{number}", headers={"baggage": value} if value else {})
            connection.getresponse().read()
            connection.close()
        self.assertEqual([request.all("baggage") for request in relay.upstream.requests],
                         [[baggage]] * 2 + [["short=1"]] * 2 + [[]] * 2)

    def test_an_agent_with_fewer_sockets_than_requests(self):
        self.check("agent", calls=2)

    def test_a_connection_a_call(self):
        self.check("own")

    def test_a_call_at_once(self):
        self.check("at_once")

    def test_a_name_to_look_up(self):
        self.check("named")

    def test_fetch(self):
        self.check("fetch")

    def test_after_the_answer(self):
        self.check("late", calls=2)

    def test_several_calls_at_a_time(self):
        self.check("fan", calls=3)

    def test_once_the_body_is_there(self):
        self.check("post", body=b"x" * 50000)

    def test_in_the_event_of_the_bodys_end(self):
        self.check("post_event", body=b"x" * 50000)

    def test_in_the_event_of_the_end_without_a_body(self):
        self.check("post_event")

    def test_a_call_with_a_body_that_comes_late(self):
        self.check("body")

    def test_a_client_of_ones_own(self):
        self.check("raw")

    def test_ticks_and_microtasks(self):
        self.check("immediate")

    def test_all_of_these_together(self):
        self.check("at_once", "own", "fetch", "immediate", "raw", "body", "named", rounds=8)

    def test_work_of_nobodys(self):
        self.check("own", "fetch", "at_once", TICK="1")

    def test_in_a_worker(self):
        self.check("agent", calls=2, IN_WORKER="1")


class Parts(Node):
    """What is not a relay after the other."""

    def test_connections_that_are_refused(self):
        """More requests than sockets: each failure makes the next attempt, in the event of another's end."""
        relay = self.start_relay()
        self.statuses = []
        threads = [threading.Thread(target=self.ask, args=(relay.port, ["refused"], [n])) for n in range(AT_ONCE)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.wait_spans(2 * AT_ONCE)
        self.stop_servers()
        spans = self.spans()
        servers = {span["spanId"] for span in of_kind(spans, "SERVER")}
        parents = [span.get("parentSpanId") for span in of_kind(spans, "CLIENT")]
        self.assertEqual((len(parents), set(parents)), (AT_ONCE, servers), describe(spans))

    def test_pipelined_requests(self):
        """Several heads in one read: each call is for the one that asked for it."""
        relay = self.start_relay()
        for repeat in range(10):
            with socket.create_connection(("127.0.0.1", relay.port), timeout=20) as sock:
                numbers = range(repeat * 5, repeat * 5 + 5)
                sock.sendall(b"".join(b"GET /%s/%d HTTP/1.1\r\nHost: x\r\n\r\n" % (how, n) for n, how in zip(
                    numbers, (b"at_once", b"own", b"immediate", b"fetch", b"at_once"))))
                received = b""
                while received.count(b"done") < 5:
                    received += sock.recv(65536) or self.fail(f"the end, after {received}")
        self.wait_spans(100)
        self.stop_servers()
        self.assertEqual(self.count_parents(self.spans(), 50), (50, 0, 0))

    def test_switched_off(self):
        """Then nothing decides: no call has a parent that it was not made for, nor all have one."""
        for value in ("off", "0"):
            self.forget_spans()
            right, _, none = self.relays("own", calls=1, RUN_TRACED_NODE_BRIDGE=value)
            self.assertLess(right, 4 * AT_ONCE / 2)
            self.assertGreater(none, 0)
            (self.directory / "port").unlink()


class Environment(Node):
    """The program sees no difference."""

    def same(self, *arguments, command=NODE, **more):
        for plain in (False, True):
            bare = self.bare(command, *arguments, **more)
            traced = self.traced(command, *arguments, plain=plain, **more)
            self.assertEqual((traced.returncode, traced.stdout, self.said(traced)),
                             (bare.returncode, bare.stdout, self.said(bare)))
        return bare

    def said(self, result):
        """Without the process id."""
        return re.sub(rb"\(node:\d+\)", b"(node)", result.stderr)

    def script(self, name, text):
        path = self.directory / name
        path.write_text(text)
        return path

    def test_node_options(self):
        script = self.script("show.js", "console.log(JSON.stringify([process.env.NODE_OPTIONS, 'NODE_OPTIONS' in process.env,"
                                        " process.execArgv, process.argv, Object.keys(require.cache), module.children,"
                                        " Object.keys(process.env).filter((name) => !/^(LD_|RUN_TRACED_|OTEL_|ASAN_|_$)/"
                                        ".test(name)).sort()]))")
        for options in (None, "", " ", "--no-warnings", " --no-warnings  --max-old-space-size=99 ", "--title='a b'",
                        '--title="a b"'):
            with self.subTest(options=options):
                result = self.same(script, "x", env={} if options is None else {"NODE_OPTIONS": options})
                self.assertEqual(result.returncode, 0)

    def test_node_options_that_are_bad(self):
        for options in ("--no-such-option", '"--no-warnings', "--version", "--no-warnings\\"):
            with self.subTest(options=options):
                self.same("-p", "1", env={"NODE_OPTIONS": options})

    def test_another_script_is_required_as_well(self):
        script = self.script("first.js", "console.log(process.env.NODE_OPTIONS, module.id)")
        self.same("-p", "2", env={"NODE_OPTIONS": f"--require {script}"})
        self.same("-r", script, "-p", "2")

    def test_odd_invocations(self):
        script = self.script("some.js", "console.log(1)")
        module = self.script("some.mjs", "import fs from 'fs'; console.log(typeof fs, process.env.NODE_OPTIONS)")
        bad = self.script("bad.js", "let let = 1")
        throws = self.script("throws.js", "setTimeout(() => { throw new Error('oops'); }, 1)")
        readable = self.script("env", "NODE_OPTIONS=--title=seen")
        for arguments in (
                ["-e", "0"], ["-p", "process.env.NODE_OPTIONS"], ["--check", script], ["--check", bad], [module], [bad],
                [throws], ["--version"], ["-p", "process.exit(3)"], ["--frozen-intrinsics", script], ["--no-addons", script],
                ["--experimental-permission", "--allow-fs-read=" + str(self.directory) + "/*", script],
                ["--permission", script], ["--env-file=" + str(readable), "-p", "process.title"], ["no-such-file.js"],
                ["--preserve-symlinks", script], ["--input-type=module", "-e", "console.log(import.meta.url)"],
                ["--disallow-code-generation-from-strings", script], ["--no-such-option"], ["--abort-on-uncaught-exception",
                "-p", "1"], ["--pending-deprecation", "--throw-deprecation", "--trace-warnings", script]):
            with self.subTest(arguments=arguments):
                self.same(*arguments)

    def test_a_repl(self):
        self.same("-i", input=b"1 + 1\nprocess.env.NODE_OPTIONS\nrequire('http').METHODS.length > 9\n.exit\n")
        self.same("-", input=b"console.log(process.env.NODE_OPTIONS)")

    def test_its_test_runner(self):
        self.script("package.json", '{"type": "module"}')
        (self.directory / "test").mkdir()
        self.script("test/some.test.js", "import test from 'node:test'; test('name', () => {});")
        for plain in (False, True):
            result = self.traced(NODE, "--test", "--test-reporter=tap", plain=plain)
            self.assertEqual((result.returncode, result.stderr), (0, b""), result.stdout)
            self.assertIn(b"# pass 1\n", result.stdout)

    def test_children(self):
        script = self.script("parent.js", """
            const { spawnSync, fork } = require('child_process');
            const show = "process.stdout.write(String(process.env.NODE_OPTIONS))";
            const tell = (result) => console.log(String(result.stdout), String(result.stderr), result.status);
            tell(spawnSync(process.execPath, ['-e', show]));
            tell(spawnSync(process.execPath, ['-e', show], { env: { ...process.env, NODE_OPTIONS: '--no-warnings' } }));
            tell(spawnSync('sh', ['-c', 'echo "${NODE_OPTIONS-unset}"']));
            if (!process.send)
              fork(__filename, [], { execArgv: ['--no-warnings'] }).on('exit', (code) => console.log('end', code));
            """)
        self.same(script)
        self.same(script, env={"NODE_OPTIONS": "--trace-warnings"})

    def test_workers(self):
        script = self.script("workers.js", """
            const { Worker, SHARE_ENV } = require('worker_threads');
            const show = "console.log(process.env.NODE_OPTIONS, process.execArgv)";
            const run = (options) => new Promise((resolve) =>
              new Worker(show, { eval: true, ...options }).on('exit', resolve));
            (async () => {
              await run({});
              await run({ env: SHARE_ENV });
              await run({ env: { NODE_OPTIONS: '--no-warnings' } });
              await run({ execArgv: ['--no-warnings'] });
            })();
            """)
        self.same(script)
        self.same(script, env={"NODE_OPTIONS": "--trace-warnings"})

    def test_workers_that_serve_come_and_go(self):
        script = self.script("serving.js", """
            const { Worker } = require('worker_threads');
            const serve = `
              const http = require('http');
              const server = http.createServer((request, response) => {
                if (request.url === '/inner')
                  return response.end('inner');
                http.get({ port: server.address().port, path: '/inner', agent: false }, (inner) =>
                  inner.resume().on('end', () => response.end('outer')));
              }).listen(0, '127.0.0.1', () =>
                http.get({ host: '127.0.0.1', port: server.address().port, agent: false }, (response) => {
                  response.resume().on('end', () => process.exit());
                }));`;
            let count = 0;
            for (let i = 0; i < 12; i++)
              new Worker(serve, { eval: true }).on('exit', (code) => {
                count += code === 0;
                if (count === 12)
                  console.log('all');
              });
            """)
        self.assertEqual(self.same(script).stdout, b"all\n")

    @needs_root
    def test_a_script_that_cannot_be_read(self):
        """Node would refuse to start."""
        build = self.directory / "build"
        build.mkdir()
        shutil.copy(SHIM, build)
        env = preload_env(f"file:{self.directory}/x", LD_PRELOAD=build / SHIM.name)
        for script in (None, build / "run-traced-node.cjs"):
            if script:
                shutil.copy(BUILD / script.name, script)
                script.chmod(0)
            result = subprocess.run([NODE, "-p", "process.env.NODE_OPTIONS"], env=env, capture_output=True, timeout=PATIENCE,
                                    user="nobody", check=False)
            self.assertEqual((result.returncode, result.stdout, result.stderr), (0, b"undefined\n", b""))

    def test_a_directory_with_a_space(self):
        build = self.directory / "a b"
        shutil.copytree(BUILD, build, ignore=shutil.ignore_patterns("src", "tests", "*.o"))
        result = subprocess.run([build / "run-traced", "-q", "-o", self.new_span_file(), NODE, "-p",
                                 "process.env.NODE_OPTIONS"], env=clean_env() | sanitizer_env(), capture_output=True,
                                timeout=PATIENCE, check=False)
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, b"undefined\n", b""))


class Modules(Node):
    program = "relay.mjs"

    def test_in_a_program_of_es_modules(self):
        self.check("agent", calls=2)


if __name__ == "__main__":
    unittest.main()
