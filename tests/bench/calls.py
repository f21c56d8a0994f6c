"""(c) calls on descriptors that are no sockets, and (d) the start of a program."""

import os
import subprocess

from measure import BenchError, interval, paired_difference, rotated
from variants import BENCH, VARIANTS, Collector, clean_env, scratch, variant_env


def output_of(command, env):
    output = subprocess.run(command, env=env, capture_output=True, text=True, timeout=300)
    if output.returncode:
        raise BenchError(f"{os.path.basename(command[0])}: {output.stderr.strip()}")
    return output.stdout


def run_calls(bench):
    rounds = []
    with scratch() as directory:
        collector = Collector(directory)
        try:
            for number in range(3 if bench.is_quick else 15):
                bench.progress(f"calls on other descriptors, round {number + 1}")
                measured = {}
                for name in rotated(VARIANTS, number):
                    env = variant_env(bench.variant(name), directory, collector.ring)
                    values = map(float, output_of([str(BENCH / "calls")], env).split())
                    measured[name] = dict(zip(
                        ("read_added_ns", "read_ns", "write_added_ns", "write_ns"), values))
                rounds.append(measured)
        finally:
            collector.stop()
    return {"rounds": rounds,
            "median": {name: {key: interval([r[name][key] for r in rounds])
                              for key in ("read_added_ns", "write_added_ns", "read_ns",
                                          "write_ns")} for name in VARIANTS}}


def spawn_rounds(bench, count, directory, ring):
    environments = ["\n".join(f"{k}={v}" for k, v in variant_env(bench.variant(name), directory,
                                                                 ring).items()
                              if k in ("PATH", "LD_PRELOAD", "RUN_TRACED_RING",
                                       "RUN_TRACED_EXPORTER")) for name in VARIANTS]
    lines = output_of([str(BENCH / "spawn"), str(count), "/bin/true", *environments], clean_env())
    for line in lines.splitlines():
        numbers = list(map(int, line.split()))
        yield {name: {"wall_ms": numbers[2 * i] / 1e6, "cpu_ms": numbers[2 * i + 1] / 1e3}
               for i, name in enumerate(VARIANTS)}


def run_startup(bench):
    count = 100 if bench.is_quick else 1000
    bench.progress(f"{count} starts of /bin/true, each way")
    with scratch() as directory:
        collector = Collector(directory)
        try:
            rounds = list(spawn_rounds(bench, count, directory, collector.ring))
        finally:
            collector.stop()
    result = {}
    for name in VARIANTS:
        result[name] = {key: {"median": interval([r[name][key] for r in rounds])["median"],
                              "over": paired_difference(rounds, name, "plain", key)}
                        for key in ("wall_ms", "cpu_ms")}
    return {"rounds": rounds, "over_plain": result}
