"""--convert: chosen spans in the formats that other programs' viewers take. What the official decoders say of them is in
test_formats.py."""

import json
import pathlib
import unittest

from launcher_support import PREFIX, LauncherTest, run


def span(number, trace=1, **more):
    fields = {"traceId": f"{trace:032x}", "spanId": f"{number:016x}", "name": "GET", "timestamp": 1700000000000000 + number,
              "duration": 1000, "kind": "SERVER", "status": {"code": "OK"}, "attributes": {"http.request.method": "GET"},
              "events": [{"name": "request.first_byte", "timestamp": 1700000000000000}],
              "resource": {"service.name": "api", "process.pid": 7, "process.executable.name": "a", "host.name": "h"}, **more}
    return json.dumps(fields) + "\n"


def convert(name, *options):
    return run(PREFIX, "--convert", name, "f", *options, check=True, text=True).stderr


def otlp_spans(text):
    return [one for group in json.loads(text)["resourceSpans"] for scope in group["scopeSpans"] for one in scope["spans"]]


class Convert(LauncherTest):
    def test_many_messages_become_one_value(self):
        pathlib.Path("f").write_text("".join(span(number) for number in range(1, 20001)))
        self.assertEqual(convert("s.otlp.json"), "run-traced: 1 trace in s.otlp.json\n")
        self.assertEqual(len(otlp_spans(pathlib.Path("s.otlp.json").read_text())), 20000)
        convert("s.zipkin.json")
        self.assertEqual(len(json.loads(pathlib.Path("s.zipkin.json").read_text())), 20000)
        convert("s.otlp.jsonl")
        lines = pathlib.Path("s.otlp.jsonl").read_text().splitlines()
        self.assertGreater(len(lines), 1)
        self.assertEqual(sum(len(otlp_spans(line)) for line in lines), 20000)

    def test_only_what_is_asked_for(self):
        pathlib.Path("f").write_text(span(1, 1) + span(1, 2, status={"code": "ERROR"}) + "no span\n" + span(2, 2))
        convert("s.otlp.json", "--errors")
        self.assertEqual({one["traceId"] for one in otlp_spans(pathlib.Path("s.otlp.json").read_text())}, {f"{2:032x}"})
        convert("some.jsonl", "--errors")
        self.assertEqual(pathlib.Path("some.jsonl").read_text(), span(1, 2, status={"code": "ERROR"}) + span(2, 2))

    def test_no_spans_file_is_overwritten(self):
        pathlib.Path("f").write_text(span(1))
        for name in ("f", "old.otlp.json", "old.zipkin.json"):
            pathlib.Path(name).write_text(span(1))
            result = run(PREFIX, "--convert", name, "f", text=True)
            self.assertEqual(result.returncode, 1, name)
            self.assertIn(f"will not overwrite {name}: it holds something else", result.stderr)
            self.assertEqual(pathlib.Path(name).read_text(), span(1))
        for _ in range(2):
            convert("new.otlp.json")

    def test_what_others_wrote_is_kept_as_far_as_there_is_room_and_said(self):
        pathlib.Path("f").write_text(span(1, name="GET /" + "a" * 60) + span(2, kind="PRODUCER") +
                                     span(3, attributes={"a": 1.5, "b": False, "c": {"d": 1}}) + span(4))
        said = convert("s.otlp.json")
        self.assertIn("1 span left out", said)
        self.assertIn("2 spans not whole", said)
        found = {one["spanId"]: one for one in otlp_spans(pathlib.Path("s.otlp.json").read_text())}
        self.assertEqual(sorted(found), [f"{number:016x}" for number in (1, 3, 4)])
        self.assertEqual({a["key"]: a["value"] for a in found[f"{3:016x}"]["attributes"]},
                         {"a": {"stringValue": "1.5"}, "b": {"boolValue": False}, "c": {"stringValue": '{"d":1}'}})

    def test_what_was_run_comes_back_as_it_would_have_been_sent(self):
        run(PREFIX, "-q", "-o", "f", "-e", "file:direct?format=otlp-json", "curl", "-s", "http://127.0.0.1:9/x")
        convert("s.otlp.json")
        (there,), (here,) = otlp_spans(pathlib.Path("direct").read_text()), otlp_spans(pathlib.Path("s.otlp.json").read_text())
        there.pop("flags", None)
        for one in (there, here):
            one["attributes"].sort(key=lambda attribute: attribute["key"])
        self.assertEqual([event["name"] for event in here["events"]], [event["name"] for event in there["events"]])
        for mine, theirs in zip((here, *here.pop("events")), (there, *there.pop("events"))):
            for key in ("startTimeUnixNano", "endTimeUnixNano", "timeUnixNano"):
                self.assertLessEqual(abs(int(mine.pop(key, 0)) - int(theirs.pop(key, 0))), 2000, key)
        self.assertEqual(here, there)


if __name__ == "__main__":
    unittest.main()
