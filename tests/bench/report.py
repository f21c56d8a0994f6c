"""The measured figures as tables, and beside the goals."""

from measure import median

LABELS = {"plain": "plain", "empty": "empty preload", "direct": "direct sink", "ring": "ring sink",
          "strace": "strace -e network", "ltrace": "ltrace, 4 symbols",
          "agent": "OpenTelemetry agent"}


def number(value, digits=2):
    if value is None:
        return "-"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.{digits}f}"


def spread(estimate, digits=2, sign=True):
    """+0.58 [0.55 0.61]: the median, and where it lies with 95 % confidence."""
    if not estimate:
        return "-"
    plus = "+" if sign and estimate["median"] >= 0 else ""
    return (f"{plus}{number(estimate['median'], digits)} "
            f"[{number(estimate['low'], digits)} {number(estimate['high'], digits)}]")


def table(head, rows):
    rows = [[str(cell) for cell in row] for row in [head, *rows]]
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    lines = []
    for row in rows:
        cells = [cell.ljust(width) if i == 0 else cell.rjust(width)
                 for i, (cell, width) in enumerate(zip(row, widths))]
        lines.append("  " + "  ".join(cells).rstrip())
    lines.insert(1, "  " + "  ".join("-" * width for width in widths))
    return lines


def load_table(found):
    """Rates and CPU time of servers and clients."""
    over_plain, over_empty = found["over_plain"], found.get("over_empty", {})
    rows = []
    for name, keys in over_plain.items():
        row = [LABELS[name], number(keys["requests_per_s"]["median"]),
               spread(keys["requests_per_s"]["ratio"], 3, sign=False),
               number(keys["cpu_us"]["median"]), spread(keys["cpu_us"]["over"])]
        if over_empty:
            row.append(spread(over_empty[name]["cpu_us"]["over"]))
        rows.append(row)
    head = ["", "requests/s", "of plain", "CPU us/request", "over plain"]
    return table(head + (["over empty"] if over_empty else []), rows)


def spans_line(found):
    due = sum(s.get("requests", 0) for s in found["ring_spans"])
    lost = sum(s["lost"] for s in found["ring_spans"])
    exported = sum(s["exported"] for s in found["ring_spans"])
    rounds = [r["ring"]["collector_us"] for r in found["rounds"] if "collector_us" in r["ring"]]
    spent = rounds or [s["collector_us"] for s in found["ring_spans"] if "collector_us" in s]
    spent = f"; {number(median(spent))} us of the collector's CPU a span" if spent else ""
    return [f"  ring: {exported:,} spans exported, {lost:,} lost, of {due:,} requests{spent}; "
            f"{len(found['rounds'])} rounds"]


def nginx_lines(found):
    return load_table(found) + spans_line(found)


def calls_lines(found):
    rows = [[LABELS[name], number(v["read_ns"]["median"], 0), spread(v["read_added_ns"], 1),
             number(v["write_ns"]["median"], 0), spread(v["write_added_ns"], 1)]
            for name, v in found["median"].items()]
    return table(["", "read /dev/zero, ns", "added", "write /dev/null, ns", "added"], rows)


def startup_lines(found):
    rows = [[LABELS[name], number(v["wall_ms"]["median"], 3), spread(v["wall_ms"]["over"], 3),
             number(v["cpu_ms"]["median"], 3), spread(v["cpu_ms"]["over"], 3)]
            for name, v in found["over_plain"].items()]
    return table(["", "wall ms", "over plain", "CPU ms", "over plain"], rows)


def processes_lines(found):
    rows = [[f"{program}, {mode}", number(v["wall_ms"]["median"], 3), spread(v["wall_ms"]["over"], 3),
             number(v["cpu_ms"]["median"], 3), spread(v["cpu_ms"]["over"], 3), number(v["faults"]["median"], 0)]
            for program, modes in found["programs"].items() for mode, v in modes.items()]
    return table(["", "wall ms", "over plain", "CPU ms", "over plain", "page faults"], rows)


def instructions_lines(found):
    rows = [[LABELS[name], number(found["client"][name], 0),
             number(found["client"][name] - found["client"]["plain"], 0),
             number(found["server"][name], 0),
             number(found["server"][name] - found["server"]["plain"], 0)]
            for name in found["client"]]
    return table(["", "client", "over plain", "server", "over plain"], rows)


def throughput_lines(found):
    rows = [[f"{count} producing", number(m["spans_per_s"]), number(m["spans_per_cpu_s"]),
             number(m["collector_us"]), number(m["producer_us"]), number(m["full"], 0)]
            for count, m in found["median"].items()]
    lines = table(["", "spans/s", "spans/CPU second", "collector us/span", "producer us/span",
                   "times full"], rows)
    rows = [[f"{c['processes']} processes", number(c["memory_kb"]["VmRSS"] / 1024, 1),
             number(c["memory_kb"]["RssAnon"] / 1024, 1),
             number(c["memory_kb"]["RssShmem"] / 1024, 1), f"{c['published']:,}",
             f"{c['exported']:,}", f"{c['lost']:,}"] for c in found["crowds"]]
    return lines + [""] + table(["at 20,000 spans/s", "RSS MiB", "of it its own", "of it the ring",
                                 "published", "exported", "lost"], rows)


def agent_lines(found):
    return load_table(found) + ([f"  agent: version {found['version']}"] if found.get("version")
                                else [])


SECTIONS = {
    "nginx": ("(a) nginx, 1 worker, small static file, under wrk", nginx_lines),
    "tls": ("(a) the same over HTTPS", nginx_lines),
    "client": ("(b) C client, keep-alive GETs to a bare responder", nginx_lines),
    "calls": ("(c) calls on descriptors that are no sockets", calls_lines),
    "startup": ("(d) start of /bin/true by posix_spawn", startup_lines),
    "processes": ("(h) a process of a suite under the prefix, by --process-spans; CPU: the collector's, too",
                  processes_lines),
    "instructions": ("(e) instructions an exchange, by callgrind", instructions_lines),
    "collector": ("(f) the collector", throughput_lines),
    "tracers": ("(g) nginx: strace and ltrace", load_table),
    "node": ("(g) Node, hello world: OpenTelemetry's auto-instrumentation", agent_lines),
    "python": ("(g) Python, Flask: OpenTelemetry's auto-instrumentation", agent_lines),
}


def section_lines(name, found):
    title, lines = SECTIONS[name]
    if "skipped" in found and isinstance(found["skipped"], str):
        return [title, f"  skipped: {found['skipped']}", ""]
    more = [f"  {what}: {why}" for what, why in found.get("skipped", {}).items()]
    return [title, *lines(found), *more, ""]


# ---- goals -----------------------------------------------------------------------------------------

def load_goals(letter, what, found):
    cpu = found["over_empty"]["ring"]["cpu_us"]["over"]
    rate = found["over_empty"]["ring"]["requests_per_s"]["ratio"]
    return [(f"({letter}) {what}: CPU us a request over empty", "<=", 0.6, cpu["median"]),
            (f"({letter}) {what}: throughput, of empty", ">=", 0.95, rate["median"])]


def lost_goal(found):
    spans = found["ring_spans"]
    return ("(f) spans lost at nginx's full rate", "<=", 0, sum(s["lost"] for s in spans))


def crowd_goals(found):
    sizes = {c["processes"]: c["memory_kb"]["RssAnon"] / 1024 for c in found["crowds"]}
    return [("(f) collector's own MiB, 1,000 processes", "<=", 16, sizes[1000]),
            ("(f) spans lost at 20,000 a second", "<=", 0,
             sum(c["lost"] for c in found["crowds"]))]


def processes_goals(found):
    for program, modes in found["programs"].items():
        over = modes["auto"]["wall_ms"]["over"]["median"]
        if program == "/bin/true":
            yield program, "ms over plain", 0.3, over
        else:
            yield program, "% over plain", 5, 100 * over / modes["plain"]["wall_ms"]["median"]


def goals(sections):
    """(what, "<=" or ">=", goal, measured) of what was measured."""
    found = {k: v for k, v in sections.items() if not isinstance(v.get("skipped"), str)}
    result = []
    if "nginx" in found:
        result += load_goals("a", "nginx", found["nginx"])
    if "client" in found:
        result += load_goals("b", "client", found["client"])
    if "calls" in found:
        ring = found["calls"]["median"]["ring"]
        result += [(f"(c) {call}: ns added", "<", 10, ring[f"{call}_added_ns"]["median"])
                   for call in ("read", "write")]
    if "startup" in found:
        over = found["startup"]["over_plain"]["ring"]["wall_ms"]["over"]
        result.append(("(d) start-up: ms over plain", "<=", 0.2, over["median"]))
    if "processes" in found:
        result += [(f"(h) {program}: {what}", "<=", goal, measured) for program, what, goal, measured
                   in processes_goals(found["processes"])]
    if "instructions" in found:
        result += [(f"(e) {side}: instructions an exchange over plain", "<", 3000,
                    counts["ring"] - counts["plain"])
                   for side, counts in found["instructions"].items() if side != "seconds"]
    if "collector" in found:
        best = found["collector"]["median"][1]["spans_per_cpu_s"]
        result.append(("(f) spans a CPU second", ">=", 500000, best))
        result += crowd_goals(found["collector"])
    if "nginx" in found:
        result.append(lost_goal(found["nginx"]))
    return result


def is_met(sign, goal, measured):
    return {"<=": measured <= goal, "<": measured < goal, ">=": measured >= goal}[sign]


def goals_lines(sections):
    rows = [[what, f"{sign} {number(goal)}", number(measured),
             "met" if is_met(sign, goal, measured) else "NOT met"]
            for what, sign, goal, measured in goals(sections)]
    return ["Goals", *table(["", "goal", "measured", ""], rows)] if rows else []
