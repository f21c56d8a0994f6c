"""What the sections measure with: CPU time, load, and statistics that hold on a noisy machine."""

import http.client
import os
import pathlib
import re
import signal
import statistics
import subprocess
import time

TICK_LIMIT = 20  # seconds that something may take to start or to stop


class BenchError(Exception):
    """A section cannot be measured; the text says why."""


# ---- CPU time --------------------------------------------------------------------------------------

def cpu_ns(pid):
    """What all threads of @pid have run so far, in nanoseconds (scheduler's account: exact while they
    sleep)."""
    total = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        try:
            total += int((task / "schedstat").read_text().split()[0])
        except (FileNotFoundError, ProcessLookupError):
            pass
    return total


def children(pid):
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found.append(int(path.parent.name))
    return found


def memory_kb(pid):
    """VmRSS, VmHWM, RssAnon, RssShmem of @pid, in KiB."""
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return {name: int(value) for name, value in
            re.findall(r"^(VmRSS|VmHWM|RssAnon|RssShmem):\s+(\d+) kB", text, re.M)}


CPUS = sorted(os.sched_getaffinity(0))
SERVER_CPU, LOAD_CPU = CPUS[0], CPUS[-1]  # the same one where there is no other


def pin(pid, cpu):
    """All threads of @pid run on @cpu from now on."""
    for task in os.listdir(f"/proc/{pid}/task"):
        os.sched_setaffinity(int(task), {cpu})


def wait_until(is_true, what):
    deadline = time.monotonic() + TICK_LIMIT
    while not is_true():
        if time.monotonic() > deadline:
            raise BenchError(f"{what} did not come about in {TICK_LIMIT} s")
        time.sleep(0.01)


# ---- load ------------------------------------------------------------------------------------------

def wrk(port, seconds, connections=16):
    """Requests made and seconds taken by wrk, with one thread, kept off the processor of the server."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s",
               f"http://127.0.0.1:{port}/"]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                             preexec_fn=lambda: os.sched_setaffinity(0, {LOAD_CPU}))
    output = child.communicate(timeout=seconds + 60)[0]
    made = re.search(r"(\d+) requests in ([\d.]+)(ms|s|m),", output)
    if not made or "Non-2xx" in output:
        raise BenchError(f"wrk: {output.strip()[-200:]}")
    unit = {"ms": 0.001, "s": 1, "m": 60}[made[3]]
    return int(made[1]), float(made[2]) * unit


class Pulses:
    """wrk against a server that counts its requests, let go for a moment at a time: what disturbs the
    machine hits all variants alike when they take turns so fast."""

    SECONDS = 0.08

    def __init__(self, server):
        self.server = server
        self.status = http.client.HTTPConnection("127.0.0.1", server.port, timeout=TICK_LIMIT)
        self.load = subprocess.Popen(
            ["wrk", "-t1", "-c16", "-d3600s", server.load_url],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.5)
        self.load.send_signal(signal.SIGSTOP)

    def requests(self):
        """How many the server has served, this one included: nginx's stub_status."""
        self.status.request("GET", "/status")
        return int(self.status.getresponse().read().split(b"requests\n")[1].split()[2])

    def burst(self, load_cpu):
        """Returns requests a second, CPU us a request of the server, and of the collector."""
        pin(self.load.pid, load_cpu)
        time.sleep(0.01)  # the one before is over, its spans are collected
        pids = [self.server.pid] + [self.server.collector_pid] * bool(self.server.collector_pid)
        served = self.requests()
        spent = [cpu_ns(pid) for pid in pids]
        begin = time.monotonic()
        self.load.send_signal(signal.SIGCONT)
        time.sleep(self.SECONDS)
        self.load.send_signal(signal.SIGSTOP)
        taken = time.monotonic() - begin
        time.sleep(0.005)
        spent = [cpu_ns(pid) - before for pid, before in zip(pids, spent)]
        served = self.requests() - served - 1
        if served <= 0 or self.load.poll() is not None:
            raise BenchError("wrk made no requests")
        return served / taken, [ns / 1000 / served for ns in spent]

    def pulse(self):
        """The rate with a processor for the server and one for the load; its CPU time with both on
        one: without the cost of waking another processor, which varies more than what is measured."""
        rate, apart = self.burst(LOAD_CPU)
        _, together = self.burst(SERVER_CPU)
        measured = {"requests_per_s": rate, "cpu_us": together[0], "cpu_apart_us": apart[0]}
        if len(together) > 1:
            measured["collector_us"] = together[1]
        return measured

    def stop(self):
        self.load.kill()
        self.load.wait()


def rotated(names, round_number):
    """The names in the order of this round."""
    turn = round_number % len(names)
    return names[turn:] + names[:turn]


def load_round(variants, round_number, seconds, connections=16):
    """One round: each variant's server under wrk, the order rotated. @variants: name → object with
    port, pid and (or None) collector_pid. Returns name → what was measured."""
    measured = {}
    for name in rotated(list(variants), round_number):
        server = variants[name]
        server_before = cpu_ns(server.pid)
        collector_before = cpu_ns(server.collector_pid) if server.collector_pid else 0
        requests, taken = wrk(server.port, seconds, connections)
        measured[name] = {"requests": requests, "requests_per_s": requests / taken,
                          "cpu_us": (cpu_ns(server.pid) - server_before) / 1000 / requests}
        if server.collector_pid:
            time.sleep(0.15)  # until it has taken the last spans
            spent = cpu_ns(server.collector_pid) - collector_before
            measured[name]["collector_us"] = spent / 1000 / requests
        server.after_round()
    return measured


# ---- statistics ------------------------------------------------------------------------------------

def median(values):
    return statistics.median(values)


def interval(values):
    """The median and its 95 % confidence interval by ranks: no assumption on how noise is spread."""
    ordered = sorted(values)
    reach = int(0.98 * len(ordered) ** 0.5) + 1
    middle = len(ordered) / 2
    low = max(0, int(middle - reach))
    high = min(len(ordered) - 1, int(middle + reach))
    return {"median": median(ordered), "low": ordered[low], "high": ordered[high]}


def paired_difference(rounds, name, base, key):
    """@name minus @base, round by round."""
    return interval([r[name][key] - r[base][key] for r in rounds if name in r and base in r])


def paired_ratio(rounds, name, base, key):
    return interval([r[name][key] / r[base][key] for r in rounds if name in r and base in r])


def compare(rounds, names, base, keys):
    """name → key → {median, over, ratio}: the medians, and against @base the paired differences and
    ratios."""
    result = {}
    for name in names:
        result[name] = {}
        for key in keys:
            values = [r[name][key] for r in rounds if key in r.get(name, {})]
            if not values:
                continue
            result[name][key] = {"median": median(values)}
            if key in rounds[0].get(base, {}):
                result[name][key]["over"] = paired_difference(rounds, name, base, key)
                result[name][key]["ratio"] = paired_ratio(rounds, name, base, key)
    return result
