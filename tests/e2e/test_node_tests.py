"""Tests of node:test, by `node --test`: another version of Node by the variable NODE."""

import os

from support import attribute, children, describe, needs, not_sanitized, of_kind
from test_suites import STATUS, Runner, paths

NODE = os.environ.get("NODE", "node")
TIMES = rb"duration_ms:? [0-9.]+|\([0-9.]+ms\)"

HELPERS = """
const assert = require('node:assert');
const http = require('node:http');
const test = require('node:test');
const { after, afterEach, before, beforeEach, describe, it } = test;
const get = (path, url = process.env.URL) => new Promise((resolve, reject) =>
  http.get(`${url}/${path}`, (response) => response.resume().on('end', resolve)).on('error', reject));
"""

SUITE = HELPERS + """
test('passes', () => get('passes'));
test('fails', async () => { await get('fails'); assert.strictEqual(1, 2); });
test('throws at once', () => { throw new Error('stack and all'); });
test('skips', { skip: true }, () => get('never'));
test('is to do', { todo: true }, () => { throw new Error('not yet'); });
test('calls back', (t, done) => { get('called').then(() => done()); });
describe('suite', () => {
  before(() => get('before'));
  after(() => get('after'));
  beforeEach(() => get('setup'));
  afterEach(() => get('teardown'));
  it('has hooks', () => get('between'));
  it('fetches', () => fetch(`${process.env.URL}/fetched`).then((answer) => answer.text()));
});
describe('at once', { concurrency: true }, () => {
  for (const n of [1, 2, 3])
    it(`number ${n}`, async () => {
      await get(`first${n}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
      await fetch(`${process.env.URL}/second${n}`).then((answer) => answer.text());
    });
});
test('outer', async (t) => {
  await get('outer');
  await t.test('inner', () => get('inner'));
  await get('outer-again');
});
test('starts a program', async () => {
  const { execFile } = require('node:child_process');
  const script = `require('http').get('${process.env.URL}/by-program')`;
  await new Promise((resolve) => execFile(process.execPath, ['-e', script], resolve));
});
"""

EXPECTED = {
    "passes": ("pass", ["passes"]),
    "fails": ("fail", ["fails"]),
    "throws at once": ("fail", []),
    "skips": ("skipped", []),
    "is to do": ("skipped", []),
    "calls back": ("pass", ["called"]),
    "suite > has hooks": ("pass", ["between", "setup", "teardown"]),
    "suite > fetches": ("pass", ["fetched", "setup", "teardown"]),
    "at once > number 1": ("pass", ["first1", "second1"]),
    "at once > number 2": ("pass", ["first2", "second2"]),
    "at once > number 3": ("pass", ["first3", "second3"]),
    "outer": ("pass", ["outer", "outer-again"]),
    "outer > inner": ("pass", ["inner"]),
}

SERVER = HELPERS + """
test('serves itself', async () => {
  const server = http.createServer((request, response) => get('upstream').then(() => response.end()));
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${server.address().port}`;
  await Promise.all([get('one', url), get('two', url)]);
  await get('by-itself');
  server.close();
  server.closeAllConnections?.();
});
"""


@needs(NODE)
@not_sanitized("Node crashes at its start with the sanitized library")
class NodeTests(Runner):
    file = "suite.test.js"
    process_spans = "none"

    def setUp(self):
        super().setUp()
        self.write(self.file, SUITE)

    def check(self, *files, env=None):
        self.run_same(NODE, "--test", *(files or [self.file]), env={"URL": self.server.url} | (env or {}),
                      hide=TIMES)

    def found(self, tests=None):
        prefix = f"{self.file} > "
        return {name.removeprefix(prefix): (attribute(span, STATUS), asked)
                for name, (span, asked) in (tests or self.tests()).items()}

    def test_each_test_has_its_calls_and_its_result(self):
        self.check()
        tests = self.tests()
        [program] = [span for name, (span, _) in tests.items() if name.endswith("starts a program")]
        found = self.found(tests)
        del found["starts a program"]
        self.assertEqual(found, EXPECTED)
        in_suite = tests[f"{self.file} > suite > fetches"][0]
        self.assertEqual(attribute(in_suite, "test.suite.name"), f"{self.file} > suite")
        outer, inner = (tests[f"{self.file} > {name}"][0] for name in ("outer", "outer > inner"))
        self.assertEqual(inner["parentSpanId"], outer["spanId"])
        self.assertEqual(paths(of_kind(children(self.spans(), program), "CLIENT")), ["by-program"])
        ids = {span["spanId"] for span, _ in tests.values()}
        outside = [span for span in of_kind(self.spans(), "CLIENT") if span.get("parentSpanId") not in ids]
        self.assertEqual(paths(outside), ["after", "before"])

    def test_a_test_that_serves_requests(self):
        self.write(self.file, SERVER)
        self.check()
        spans = self.spans()
        [(test, asked)] = self.tests().values()
        self.assertEqual(asked, ["by-itself", "one", "two"], describe(spans))
        servers = of_kind(spans, "SERVER")
        self.assertEqual([paths(of_kind(children(spans, span), "CLIENT")) for span in servers], [["upstream"]] * 2)

    def test_a_trace_for_each_test(self):
        self.check(env={"RUN_TRACED_TRACE_PER": "test"})
        self.assertEqual(len({span["traceId"] for span, _ in self.tests().values()}), len(EXPECTED) + 1)

    def test_off(self):
        for env in {"RUN_TRACED_TEST_OUTPUT": "off"}, {"RUN_TRACED_NODE_BRIDGE": "off"}:
            self.check(env=env)
            self.assertEqual(self.tests(), {})

    def test_a_file_of_modules(self):
        self.write("suite.test.mjs", "import test from 'node:test';\n"
                   "test('is a module', () => fetch(`${process.env.URL}/module`).then((answer) => answer.text()));\n")
        self.check("suite.test.mjs")
        [(name, (span, asked))] = self.tests().items()
        self.assertEqual((name, attribute(span, STATUS), asked), ("suite.test.mjs > is a module", "pass", ["module"]))

    def test_a_test_that_dies_is_an_error(self):
        self.write(self.file, HELPERS + "test('dies', () => get('x').then(() => process.kill(process.pid, 'SIGKILL')));\n")
        self.check()
        [(span, asked)] = self.tests().values()
        self.assertEqual((span["status"]["code"], attribute(span, "error.type"), asked), ("ERROR", "SIGKILL", ["x"]))


@needs(NODE)
@not_sanitized("Node crashes at its start with the sanitized library")
class NodeTestFiles(Runner):
    """Processes are spans, too."""

    def check(self, *files, **env):
        self.run_same(NODE, "--test", *files, env={"URL": self.server.url} | env, hide=TIMES)

    def test_a_file_without_tests_is_one(self):
        self.write("plain.test.js", HELPERS + "get('plain');\n")
        self.write("fails.test.js", HELPERS + "get('fails').then(() => process.exit(3));\n")
        self.check("plain.test.js", "fails.test.js")
        self.assert_tests({"plain.test.js": ("pass", ["plain"]), "fails.test.js": ("fail", ["fails"])})

    def test_a_file_with_tests_is_none(self):
        self.write("some.test.js", HELPERS + "test('a', () => get('a'));\n")
        self.check("some.test.js")
        self.assert_tests({"some.test.js > a": ("pass", ["a"])})
        [test] = [span for span in self.spans() if attribute(span, "test.case.name")]
        [parent] = [span for span in self.spans() if span["spanId"] == test["parentSpanId"]]
        self.assertEqual((parent["name"], attribute(parent, STATUS)), ("node", None))

    def test_what_a_test_starts_is_no_file_of_tests(self):
        inner = "require('http').get(process.env.URL + '/inner'); process.exitCode = 1"
        self.write("some.test.js", HELPERS + "test('a', () => { require('node:child_process').spawnSync(process.execPath, "
                   f"['-e', `{inner}`]); }});\n")
        self.check("some.test.js")
        self.assert_tests({"some.test.js > a": ("pass", ["inner"])})

