"""--html: the page that it writes, read in a real browser. Skipped where there is no Chromium."""

import json
import os
import pathlib
import re
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from browser import Browser, chromium
from launcher_support import PREFIX, LauncherTest, run
from test_view_programs import shop, suite

SERVICES = ("web", "orders", "payments")
HOSTILE = "</script><img src=x onerror=\"window.harm=1\"><!--\u2028'\"&lt;\u202e\x01"


def span(trace, number=1, parent=None, service="web", **more):
    """A span of times relative to its trace's second, told apart by numbers."""
    fields = {"traceId": f"{trace:032x}", "spanId": f"{number:016x}", "name": "GET", "timestamp": trace * 1000000,
              "duration": 1000, "kind": "SERVER", "status": {"code": "UNSET"},
              "resource": {"service.name": service, "process.pid": 7}, **more}
    fields["timestamp"] += more.pop("after", 0)
    fields.pop("after", None)
    if parent:
        fields["parentSpanId"] = f"{parent:016x}"
    return fields


def checkout(trace, error=False):
    """web calls orders, and orders payments, which fails or not."""
    failed = {"status": {"code": "ERROR", "message": "no money"}} if error else {}
    at = {"code.function.name": "pay", "code.file.path": "/src/order.c", "code.line.number": 142}
    return [
        span(trace, 1, duration=100000, attributes={"url.path": "/checkout", "http.request.method": "GET"}),
        span(trace, 2, 1, after=10000, duration=80000, kind="CLIENT", attributes={"url.full": "http://orders/orders?x=1"}),
        span(trace, 3, 2, "orders", after=20000, duration=60000, attributes={"url.path": "/orders"}),
        span(trace, 4, 3, "orders", after=30000, duration=40000, kind="CLIENT", name="POST", **failed,
             attributes={"url.full": "http://payments/pay", **at, **({"error.type": "503"} if error else {})},
             events=[{"name": "connected", "timestamp": trace * 1000000 + 30500, "attributes": {"try": 2}}],
             links=[{"traceId": f"{trace:032x}", "spanId": f"{1:016x}"}]),
        span(trace, 5, 4, "payments", after=35000, duration=30000, name="POST", **failed,
             attributes={"url.path": "/pay", "http.response.status_code": 503 if error else 200}),
        span(trace, 6, 1, after=92000, duration=3000, kind="CLIENT", attributes={"server.address": "::1", "server.port": 6379}),
    ]


def write(path, spans):
    with open(path, "w", encoding="utf-8") as file:
        for one in spans:
            file.write(json.dumps(one) + "\n")


def page(spans, *options):
    """Writes the page of them to p.html. Returns what the program said."""
    write("f", spans)
    result = run(PREFIX, "--html", "p.html", "f", *options, check=True, text=True, timeout=120)
    return result.stderr


class Writing(LauncherTest):
    """What needs no browser."""

    def test_one_file_that_fetches_nothing_and_says_what_may_run(self):
        self.assertEqual(page(checkout(1)), "run-traced: 1 trace in p.html\n")
        text = pathlib.Path("p.html").read_text(encoding="utf-8")
        self.assertTrue(text.startswith("<!doctype html>"))
        self.assertIn("default-src 'none'; style-src 'sha256-", text)
        for word in (" src=", "@import", "url(http", "unsafe-", "innerHTML", "insertAdjacentHTML"):
            self.assertFalse(word in text, word)
        self.assertEqual(text.count("<script"), 2)

    def test_what_is_in_the_file_is_no_markup(self):
        page([span(1, name=HOSTILE, attributes={HOSTILE: HOSTILE}, resource={"service.name": HOSTILE, HOSTILE: HOSTILE})])
        self.assertFalse("onerror" in pathlib.Path("p.html").read_text(encoding="utf-8"))

    def test_a_spans_file_named_by_mistake_stays(self):
        write("spans.jsonl", checkout(1))
        before = pathlib.Path("spans.jsonl").read_bytes()
        result = run(PREFIX, "--html", "spans.jsonl", text=True)
        self.assertEqual(result.returncode, 1)
        self.assertIn("will not overwrite spans.jsonl: it holds something else", result.stderr)
        self.assertEqual(pathlib.Path("spans.jsonl").read_bytes(), before)

    def test_a_page_is_replaced_and_nothing_else_is_left(self):
        for trace in (1, 2):
            page(checkout(trace))
        self.assertEqual(sorted(os.listdir(".")), ["f", "p.html"])

    def test_where_it_cannot_be_written(self):
        write("f", checkout(1))
        result = run(PREFIX, "--html", "no/p.html", "f", text=True)
        self.assertEqual((result.returncode, result.stderr),
                         (1, "run-traced: cannot write no/p.html: No such file or directory; is there such a directory?\n"))
        result = run(PREFIX, "--html", "/dev/full", "f", text=True)
        self.assertEqual((result.returncode, "cannot write /dev/full" in result.stderr), (1, True), result.stderr)

    def test_a_pipe_is_read_and_written_to(self):
        lines = "".join(json.dumps(one) + "\n" for one in checkout(1))
        result = run(PREFIX, "--html", "-", "-", input=lines, text=True, check=True)
        self.assertTrue(result.stdout.startswith("<!doctype html>") and result.stdout.endswith("</html>\n"))

    def test_what_is_left_out_is_said(self):
        said = page(checkout(1) + checkout(2, error=True) + checkout(3), "--limit", "1", "--sort", "errors")
        self.assertEqual(said, "run-traced: 1 trace in p.html\nrun-traced: 2 more in f: not written; "
                               "--limit N says how many there shall be\n")


@unittest.skipUnless(chromium(), "not installed: chromium chromium-driver")
class Reading(LauncherTest):
    @classmethod
    def setUpClass(cls):
        cls.browser = Browser()
        cls.addClassCleanup(cls.browser.close)

    def show(self, spans, *options, hash=""):
        page(spans, *options)
        self.browser.complaints()
        self.browser.open("p.html", hash)
        return self.browser

    def tearDown(self):
        self.assertEqual(self.browser.complaints(), [])

    def listed(self):
        return self.browser.texts("#list .row .name")

    def test_traces_are_listed_searched_and_filtered(self):
        browser = self.show(checkout(1) + checkout(2, error=True) + [span(3, service="other", name="PUT", duration=5000000)])
        self.assertEqual(browser.text("#totals"), "3 traces · 13 spans")
        self.assertEqual(self.listed(), ["GET /checkout", "GET /checkout", "PUT"])
        for query, count in (("/pay", 2), ("error.type=50", 1), ("payments post", 2), ("orders put", 0), (f"{3:032x}", 1), ("", 3)):
            browser.run("q.value = arguments[0]; filter.dispatchEvent(new Event('input'))", query)
            wanted = f"{count} of 3 traces" if 0 < count < 3 else "3 traces" if count else "No trace"
            browser.wait("return document.getElementById('announce').textContent.startsWith(arguments[0])", wanted)
        browser.click("#errors")
        browser.wait("return document.querySelectorAll('#list .row').length === 1")
        self.assertIn("✕ 2", browser.text("#list .row"))
        browser.click("#clear")
        browser.wait("return document.querySelectorAll('#list .row').length === 3")
        browser.type("#slower", "nonsense")
        browser.wait("return document.getElementById('slower-wrong').textContent")
        browser.run("slower.value = '2s'; filter.dispatchEvent(new Event('input'))")
        browser.wait("return document.querySelectorAll('#list .row').length === 1")
        self.assertEqual(self.listed(), ["PUT"])

    def test_a_trace_by_keys(self):
        browser = self.show(checkout(1) + checkout(2, error=True))
        browser.run("document.getElementById('list').focus()")
        browser.press("ArrowDown", "ArrowDown", "Enter")
        browser.wait("return location.hash === arguments[0]", f"#trace={2:032x}")
        browser.wait("return document.getElementById('trace-title').textContent === 'web: GET /checkout'")
        self.assertIn("payments answered POST /pay with 503 after 30.0 ms, called by orders, "
                      "called from pay in /src/order.c, line 142.",
                      browser.text("#trace-error"))
        names = browser.texts("#waterfall .row .name")
        self.assertEqual(names, ["GET /checkout", "→ GET /orders", "GET /orders", "→ POST /pay", "POST /pay", "→ GET"])
        browser.press("ArrowDown")
        self.assertTrue(browser.run("return location.hash").endswith(f"&span={2:016x}"))
        browser.press("ArrowLeft")
        self.assertEqual(browser.count("#waterfall .row"), 3)
        self.assertEqual(browser.run("return document.querySelectorAll('#waterfall .row')[1].ariaExpanded"), "false")
        browser.press("e")
        self.assertEqual(browser.count("#waterfall .row"), 6)
        self.assertIn("✕ Failed: 503 (no money)", browser.text("#details"))
        before = browser.text("#axis")
        browser.press("+")
        self.assertNotEqual(browser.text("#axis"), before)
        browser.press("0")
        self.assertEqual(browser.text("#axis"), before)
        browser.press("[")
        browser.wait("return location.hash === arguments[0]", f"#trace={1:032x}")
        browser.press("Escape")
        browser.wait("return location.hash === '#traces'")

    def test_the_address_leads_to_a_span_and_all_that_is_known_of_it(self):
        browser = self.show(checkout(1, error=True), hash=f"#trace={1:032x}&span={4:016x}")
        details = browser.text("#details")
        for text in ("orders: POST /pay", "Called from pay in /src/order.c, line 142.", "http://payments/pay", "code.line.number",
                     "142", "connected", "try = 2", "+500 µs", "process.pid", f"{4:016x}"):
            self.assertIn(text, details)
        self.assertEqual(browser.run("return document.querySelector('#waterfall [aria-selected=true] .name').textContent"),
                         "→ POST /pay")
        browser.run("location.hash = 'trace=00'")
        browser.wait("return document.getElementById('count').textContent.includes('is not in this page')")

    def test_the_critical_path_is_the_terminals(self):
        write("f", checkout(1, error=True))
        told = json.loads(run(PREFIX, "--view", "f", "--json", check=True).stdout)["criticalPath"]
        browser = self.show(checkout(1, error=True), hash=f"#trace={1:032x}")
        shown = dict(re.fullmatch(r"(.*) \d+ % ([0-9.]+) ms", text).groups() for text in browser.texts(".shares li"))
        services = {part["name"]: part["us"] for part in told if part["kind"] == "service" and part["us"]}
        self.assertEqual(len(services), 3)
        for name, us in services.items():
            self.assertEqual(float(shown[name]) * 1000, us, name)
        self.assertEqual(sum(part["us"] for part in told), 100000)

    def test_programs_count_as_in_the_terminal(self):
        for trace in (shop(), suite()):
            spans = [json.loads(line) for line in trace.lines]
            write("f", spans)
            summary = json.loads(run(PREFIX, "--view", "f", "--json", check=True).stdout)
            told = summary["criticalPath"]
            browser = self.show(spans, hash=f"#trace={trace.id}")
            count = len(summary["services"])
            self.assertIn(f" · {count} service{'' if count == 1 else 's'} · ", browser.text("#trace-facts"))
            shown = dict(re.fullmatch(r"(.*) \d+ % ([0-9.]+) ms", text).groups() for text in browser.texts(".shares li"))
            prefixes = {"service": "", "program": "in the program "}
            parts = {prefixes[part["kind"]] + part["name"]: part["us"]
                     for part in told if part["kind"] in prefixes and part["us"]}
            self.assertGreater(len(parts), 2)
            for name, us in parts.items():
                self.assertEqual(float(shown[name]) * 1000, us, name)
        self.assertIn("✗ fail", browser.text("#waterfall"))

    def test_zoom_by_wheel_and_by_dragging(self):
        browser = self.show(checkout(1), hash=f"#trace={1:032x}")
        before = browser.text("#axis")
        place = browser.run("const r = axis.getBoundingClientRect(); return [r.left, r.width, r.bottom]")
        x, y = place[0] + place[1] / 4, place[2] + 70
        mouse = [{"type": "pointerMove", "x": int(x), "y": int(y)}, {"type": "pointerDown", "button": 0},
                 {"type": "pointerMove", "x": int(x + place[1] / 4), "y": int(y)}, {"type": "pointerUp", "button": 0}]
        browser.ask("POST", "/actions", {"actions": [{"type": "pointer", "id": "mouse", "actions": mouse}]})
        self.assertNotEqual(browser.text("#axis"), before)
        self.assertGreater(browser.count(".beyond"), 0)
        browser.click("#zoom-all")
        self.assertEqual(browser.text("#axis"), before)
        browser.run("""waterfall.querySelector('.bars').dispatchEvent(new WheelEvent('wheel',
            {deltaY: -1, ctrlKey: true, bubbles: true, cancelable: true, clientX: arguments[0]}))""", int(x))
        self.assertNotEqual(browser.text("#axis"), before)

    def test_services_and_who_calls_whom(self):
        browser = self.show([one for trace in range(1, 5) for one in checkout(trace, error=trace == 1)], hash="#services")
        self.assertEqual(browser.run("return [...document.querySelectorAll('#graph .node-name')].map(e => e.textContent).sort()"),
                         ["[::1]:6379", "orders", "payments", "web"])
        rows = browser.texts("#tables .table:first-child tbody tr")
        self.assertEqual(len(rows), 3)
        self.assertTrue(any("orders" in row and "payments" in row and "✕ 1 (25 %)" in row and "40.0 ms" in row for row in rows), rows)
        browser.run("""[...document.querySelectorAll('#graph a.node')].find(a => a.textContent.startsWith('orders: '))
            .dispatchEvent(new MouseEvent('click', {bubbles: true}))""")
        browser.wait("return location.hash === '#traces' && document.getElementById('service').value === 'orders'")

    def test_processes_and_what_could_not_be_seen(self):
        program = {"process.executable.name": "make", "run_traced.dropped.no_room": 3}
        blind = {"process.executable.name": "gosh", "run_traced.process.blind": "go"}
        browser = self.show([
            span(1, 1, kind="INTERNAL", name="make", duration=9000, attributes=program),
            span(1, 2, 1, kind="INTERNAL", name="gosh", duration=8000, attributes=blind),
            span(1, 3, 1, kind="CLIENT", attributes={"run_traced.parent.ambiguous": True})], hash="#processes")
        text = browser.text("#view-processes")
        for part in ("2 programs ran; 1 of them could not be traced, or only in part.", "Dropped: 3 spans.",
                     "1 span could belong to several requests", "written in Go", "no_room"):
            self.assertIn(part, text)
        self.assertEqual(browser.count(".programs .programs li"), 1)
        browser = self.show(checkout(1), hash="#processes")
        self.assertIn("There are no process spans in this file", browser.text("#view-processes"))

    def test_hostile_text_is_only_text(self):
        evil = {HOSTILE: HOSTILE, "url.path": "/" + HOSTILE, "code.file.path": HOSTILE, "process.executable.name": HOSTILE,
                "__proto__": "x", "run_traced.process.blind": HOSTILE}
        spans = [span(1, 1, name=HOSTILE, kind="INTERNAL", service=HOSTILE, attributes=evil, traceState=HOSTILE,
                      status={"code": "ERROR", "message": HOSTILE}, events=[{"name": HOSTILE, "timestamp": 1, "attributes": evil}],
                      links=[{"traceId": "javascript:harm=1", "spanId": HOSTILE, "attributes": evil}]),
                 span(1, 2, 1, service="constructor", name="__proto__", attributes={"url.path": "toString"}),
                 span(1, 3, 2, kind="CLIENT", service=HOSTILE, name=HOSTILE)]
        for place in ("", f"#trace={1:032x}&span={1:016x}", "#services", "#processes"):
            browser = self.show(spans, hash=place)
            self.assertIn("onerror", browser.text("main") + browser.text("#graph"), place)
            self.assertEqual(browser.run("return [window.harm ?? null, document.images.length, document.scripts.length]"), [None, 0, 1])

    def test_a_policy_stands_behind_it(self):
        browser = self.show(checkout(1))
        browser.run("""const script = document.createElement('script'); script.textContent = 'window.harm = 1';
            document.body.append(script)""")
        self.assertIsNone(browser.run("return window.harm ?? null"))
        self.assertTrue(any("Content Security Policy" in text for text in browser.complaints()))

    def test_a_hundred_thousand_spans(self):
        def many():
            for trace in range(1, 16001):
                yield from checkout(trace, error=trace % 97 == 0)
            for number in range(1, 4001):
                yield span(20000, number, 1 if number > 1 else None, duration=5000000 if number == 1 else 100, after=number)

        browser = self.show(many(), "--limit", "100000")
        self.assertLess(os.path.getsize("p.html"), 15 << 20)
        self.assertEqual(browser.text("#totals"), "16,001 traces · 100,000 spans")
        self.assertLess(browser.count("#list .row"), 60)
        browser.run("document.getElementById('list').focus()")
        browser.press("End")
        browser.wait("return list.querySelector('[aria-selected=true]')?.ariaRowIndex === '16002'")
        browser.press("Enter")
        browser.wait("return waterfall.getAttribute('aria-rowcount') === '4001'")
        browser.press("End")
        browser.wait("return waterfall.querySelector('[aria-selected=true]')?.ariaRowIndex === '4001'")
        self.assertLess(browser.count("#waterfall .row"), 60)

    def test_more_than_a_page_holds(self):
        spans = [one for trace in range(1, 101) for one in (span(trace, number) for number in range(1, 1002))]
        said = page(spans + checkout(200, error=True))
        self.assertIn("run-traced: 1 more in f: not written; --limit N says how many there shall be\n", said)
        self.browser.open("p.html")
        self.assertIn("Not in this page, to keep it quick: 1 trace of 101. --limit 101 puts all into it.", self.browser.text("#left-out"))
        self.browser.click("#errors")
        self.browser.wait("return document.querySelectorAll('#list .row').length === 1")

    def test_without_the_browsers_own_decompression(self):
        browser = self.show(checkout(1))
        script = browser.devtools("Page.addScriptToEvaluateOnNewDocument", source="delete globalThis.DecompressionStream")
        browser.open("p.html")
        self.assertEqual(self.listed(), ["GET /checkout"])
        write("f", [one for trace in range(1, 800) for one in checkout(trace)])
        run(PREFIX, "--html", "p.html", "f", check=True)
        browser.open("p.html")
        self.assertEqual(browser.text("#totals"), "799 traces · 4,794 spans")
        browser.devtools("Page.removeScriptToEvaluateOnNewDocument", **script)

    def test_paper_has_every_row_and_no_buttons(self):
        browser = self.show([span(1, number, 1 if number > 1 else None) for number in range(1, 201)], hash=f"#trace={1:032x}")
        self.assertTrue(browser.print().startswith(b"%PDF"))
        browser.run("dispatchEvent(new Event('beforeprint'))")
        self.assertEqual(browser.count("#waterfall .row"), 200)
        browser.run("dispatchEvent(new Event('afterprint'))")
        self.assertLess(browser.count("#waterfall .row"), 60)

    def test_names_and_roles_for_those_who_cannot_see_it(self):
        browser = self.show(checkout(1, error=True), hash=f"#trace={1:032x}")
        tree = browser.devtools("Accessibility.getFullAXTree")["nodes"]
        named = {}
        for node in tree:
            if not node.get("ignored"):
                named.setdefault(node["role"]["value"], []).append(node.get("name", {}).get("value", ""))
        for role in ("main", "banner", "navigation", "treegrid", "complementary", "toolbar", "status"):
            self.assertIn(role, named)
        for role in ("button", "link", "checkbox", "treegrid", "table"):
            self.assertNotIn("", named[role], role)
        self.assertIn("30.0 ms 503, 35.0 ms after the start, 30.0 ms of the critical path", named["gridcell"])

    def test_light_and_dark(self):
        browser = self.show(checkout(1))
        grounds = []
        for _ in range(3):
            grounds.append(browser.run("return [theme.textContent, getComputedStyle(document.body).backgroundColor]"))
            browser.click("#theme")
        self.assertEqual([name for name, _ in grounds], ["Theme: auto", "Theme: light", "Theme: dark"])
        self.assertNotEqual(grounds[1][1], grounds[2][1])


if __name__ == "__main__":
    unittest.main()
