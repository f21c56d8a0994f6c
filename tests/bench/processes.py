"""(h) suites of short processes under the prefix, with spans of processes and without: what each process costs."""

import os
import subprocess

from measure import BenchError, interval, paired_difference, rotated
from variants import BENCH, LAUNCHER, clean_env, scratch

MODES = ["plain", "none", "auto", "all"]  # of --process-spans
SUITE = str(BENCH / "suite")
WORK_MS = 10


def launched(bench, mode, directory):
    if bench.is_same or mode == "plain":
        return []
    return [str(LAUNCHER), "-q", "--process-spans", mode, "-o", os.path.join(directory, "spans.jsonl")]


def cpu_of(command):
    """What it prints, and the CPU seconds of it and all that it has waited for."""
    with subprocess.Popen(command, env=clean_env(), stdout=subprocess.PIPE, text=True) as child:
        output = child.stdout.read()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise BenchError(f"suite: exit status {child.returncode}")
    return output, usage.ru_utime + usage.ru_stime


def measure(bench, mode, directory, count, program):
    prefix = launched(bench, mode, directory)
    _, start_cpu_s = cpu_of([*prefix, SUITE, "sleep", "0"])  # of the launcher, and one process
    output, cpu_s = cpu_of([*prefix, SUITE, str(count), *program])
    if prefix:
        os.unlink(os.path.join(directory, "spans.jsonl"))
    wall_ns, own_cpu_ns, faults = map(float, output.split())
    return {"wall_ms": wall_ns / 1e6, "own_cpu_ms": own_cpu_ns / 1e6, "faults": faults,
            "cpu_ms": (cpu_s - start_cpu_s) * 1e3 / count}


def run_program(bench, directory, count, program):
    rounds = [{mode: measure(bench, mode, directory, count, program) for mode in rotated(MODES, number)}
              for number in range(2 if bench.is_quick else 9)]
    return {mode: {key: {"median": interval([r[mode][key] for r in rounds])["median"],
                         "over": paired_difference(rounds, mode, "plain", key)}
                   for key in ("wall_ms", "cpu_ms", "faults")} for mode in MODES}


def run(bench):
    turns = cpu_of([SUITE, "calibrate", str(WORK_MS)])[0].strip()
    programs = {"/bin/true": (300, ["/bin/true"]),
                f"{WORK_MS} ms of work": (60, [SUITE, "work", turns]),
                f"{WORK_MS} ms asleep": (60, [SUITE, "sleep", str(WORK_MS)])}
    result = {}
    with scratch() as directory:
        for name, (count, program) in programs.items():
            bench.progress(f"processes: {name}")
            result[name] = run_program(bench, directory, count // 5 if bench.is_quick else count, program)
    return {"programs": result}
