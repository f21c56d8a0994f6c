"""(b) a C client against a bare responder, and (e) how many instructions an exchange takes."""

import contextlib
import re
import shutil
import subprocess
import time

from measure import SERVER_CPU, BenchError, compare, cpu_ns, pin, rotated
from variants import BENCH, VARIANTS, Collector, clean_env, scratch, stop, variant_env


@contextlib.contextmanager
def responder(words=(), env=None, connections=None):
    command = [*words, str(BENCH / "responder")] + ([str(connections)] if connections else [])
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                             env=env or clean_env())
    try:
        yield child, int(child.stdout.readline())
    finally:
        stop(child)


class Client:
    """A client that waits for its turns, with a responder of its own. Both on one processor: waking
    another one costs many times what is to be measured, and never the same."""

    EXCHANGES = 500
    WARM_UP = 30  # as in client.c

    def __init__(self, env, stack):
        child, port = stack.enter_context(responder())
        self.made = 0
        self.child = subprocess.Popen([str(BENCH / "client"), str(port)], env=env, text=True,
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        stack.callback(stop, self.child)
        pin(child.pid, SERVER_CPU)
        pin(self.child.pid, SERVER_CPU)

    def turn(self):
        self.child.stdin.write(f"{self.EXCHANGES}\n")
        self.child.stdin.flush()
        answer = self.child.stdout.readline().split()
        if len(answer) != 2:
            raise BenchError("the client ended")
        self.made += self.EXCHANGES + self.WARM_UP
        wall_ns, spent_ns = map(int, answer)
        return {"requests_per_s": self.EXCHANGES * 1e9 / wall_ns,
                "cpu_us": spent_ns / 1000 / self.EXCHANGES}

    def finish(self):
        """All spans are made."""
        self.child.stdin.close()
        self.child.wait(20)


def client_session(bench, rounds, seconds):
    """Fresh clients, and rounds for @seconds. Returns what became of the ring's spans."""
    with scratch() as directory, contextlib.ExitStack() as stack:
        collector = Collector(directory)
        stack.callback(collector.stop)
        clients = {name: Client(variant_env(bench.variant(name), directory, collector.ring), stack)
                   for name in VARIANTS}
        spent, begin = cpu_ns(collector.pid), time.monotonic()
        while time.monotonic() < begin + seconds:
            bench.progress(f"C client, round {len(rounds) + 1}")
            rounds.append({name: clients[name].turn()
                           for name in rotated(VARIANTS, len(rounds))})
        clients["ring"].finish()
        time.sleep(0.2)
        made = clients["ring"].made
        spent = (cpu_ns(collector.pid) - spent) / 1000 / made
        return {"requests": made, "collector_us": spent, **collector.stop()}


def run_client(bench):
    rounds, spans = [], []
    for _ in range(1 if bench.is_quick else 6):
        spans.append(client_session(bench, rounds, 5 if bench.is_quick else 10))
    keys = ["requests_per_s", "cpu_us"]
    return {"rounds": rounds, "ring_spans": spans,
            "over_plain": compare(rounds, VARIANTS, "plain", keys),
            "over_empty": compare(rounds, VARIANTS, "empty", keys)}


# ---- instructions ----------------------------------------------------------------------------------

VALGRIND = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]


def collected(text):
    found = re.search(r"Collected : (\d+)", text)
    if not found:
        raise BenchError(f"callgrind: {text.strip()[-300:]}")
    return int(found[1])


def client_instructions(port, count, env):
    output = subprocess.run([*VALGRIND, str(BENCH / "client"), str(port), str(count)], env=env,
                            capture_output=True, text=True, timeout=120)
    return collected(output.stderr)


def server_instructions(count, env, log):
    command = [*VALGRIND, f"--log-file={log}"]
    with responder(command, env, connections=1) as (child, port):
        subprocess.run([str(BENCH / "client"), str(port), str(count)], env=clean_env(), check=True,
                       timeout=120)
        child.wait(60)
    return collected(open(log).read())


def run_instructions(bench):
    """Two runs with different counts: what they differ in is the exchanges."""
    if not shutil.which("valgrind"):
        raise BenchError("valgrind is not installed")
    few, many = 300, 1300
    result = {"client": {}, "server": {}}
    with scratch() as directory, responder() as (_, port):
        collector = Collector(directory)
        try:
            for name in VARIANTS:
                bench.progress(f"callgrind, {name}")
                env = variant_env(bench.variant(name), directory, collector.ring)
                ran = [client_instructions(port, count, env) for count in (few, many)]
                result["client"][name] = (ran[1] - ran[0]) / (many - few)
                ran = [server_instructions(count, env, f"{directory}/log") for count in (few, many)]
                result["server"][name] = (ran[1] - ran[0]) / (many - few)
        finally:
            collector.stop()
    return result
