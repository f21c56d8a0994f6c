"""(f) how many spans the collector takes a second, and the memory it needs."""

import subprocess
import time

from measure import BenchError, cpu_ns, median, memory_kb
from variants import BENCH, Collector, clean_env, scratch


def produce(collector, processes, seconds, per_second=None):
    """Runs the producer; yields once all of its processes are there, and then what it counted."""
    command = [str(BENCH / "producer"), collector.ring, str(processes), str(seconds)]
    child = subprocess.Popen(command + ([str(per_second)] if per_second else []),
                             stdout=subprocess.PIPE, text=True, env=clean_env())
    try:
        if child.stdout.readline().strip() != "started":
            raise BenchError("the producer did not start")
        yield None
        published, full, spent_ns = map(int, child.stdout.readline().split())
        yield {"published": published, "full": full, "producer_cpu_ns": spent_ns}
    finally:
        child.kill()
        child.wait()


def flood(directory, processes, seconds):
    """As many spans as the collector takes, from @processes."""
    collector = Collector(directory)
    try:
        before, begin = cpu_ns(collector.pid), time.monotonic()
        *_, made = produce(collector, processes, seconds)
        time.sleep(0.1)
        taken = time.monotonic() - begin - 0.1
        spent = cpu_ns(collector.pid) - before
        memory = memory_kb(collector.pid)
    finally:
        counts = collector.stop()
    if not counts["exported"]:
        raise BenchError("the collector exported nothing")
    return {"processes": processes, **made, **counts, "spans_per_s": counts["exported"] / taken,
            "spans_per_cpu_s": counts["exported"] * 1e9 / spent,
            "collector_us": spent / 1000 / counts["exported"],
            "producer_us": made["producer_cpu_ns"] / 1000 / made["published"], "memory_kb": memory}


def crowd(directory, processes, seconds):
    """20,000 spans a second from @processes in all: what of memory?"""
    collector = Collector(directory)
    try:
        samples = []
        producing = produce(collector, processes, seconds, 20000)
        next(producing)
        for _ in range(3):
            time.sleep(seconds / 4)
            samples.append(memory_kb(collector.pid))
        made = next(producing)
        time.sleep(0.3)
        after = memory_kb(collector.pid)
    finally:
        counts = collector.stop()
    return {"processes": processes, **made, **counts, "memory_kb": samples[-1],
            "memory_samples_kb": samples, "memory_after_kb": after}


def run(bench):
    floods, crowds = [], []
    with scratch() as directory:
        for number in range(1 if bench.is_quick else 4):
            for processes in (1, 2):
                bench.progress(f"collector, {processes} producing, round {number + 1}")
                floods.append(flood(directory, processes, 1 if bench.is_quick else 2))
        for processes in (10, 100, 1000):
            bench.progress(f"collector, {processes} processes")
            crowds.append(crowd(directory, processes, 2 if bench.is_quick else 4))
    result = {}
    for processes in (1, 2):
        these = [f for f in floods if f["processes"] == processes]
        result[processes] = {key: median([f[key] for f in these]) for key in
                             ("spans_per_s", "spans_per_cpu_s", "collector_us", "producer_us",
                              "full", "lost", "published", "exported")}
    return {"floods": floods, "crowds": crowds, "median": result}
