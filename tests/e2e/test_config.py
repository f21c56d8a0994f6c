"""run-traced.conf, the environment and options: which counts, what is wrong, who may say it."""

import os
import re
import unittest

import support
from support import PREFIX, ROOT, TracedTest

ONLY_IN_THE_ENVIRONMENT = {"TRACEPARENT", "TRACESTATE", "BAGGAGE", "RUN_TRACED_RING", "RUN_TRACED_STATS",
                           "RUN_TRACED_EXPORTER", "ASAN_OPTIONS", "RUN_TRACED_CONFIG", "RUN_TRACED_BUILD",
                           "RUN_TRACED_TEST"}


class ConfigTest(TracedTest):
    def setUp(self):
        super().setUp()
        (self.directory / "home").mkdir()

    def run_prefix(self, *words, **env):
        env = {"HOME": self.directory / "home"} | env
        return self._run([str(PREFIX), *map(str, words)], support.clean_env(**env) | support.sanitizer_env(), text=True)

    def write(self, text, path="run-traced.conf", mode=0o644):
        path = self.directory / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
        return path

    def variable(self, name, *options, **env):
        """What the command finds."""
        result = self.run_prefix("-q", "-o", "spans", *options, "sh", "-c", f'printf %s "${name}"', **env)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        return result.stdout

    def config(self, *words, **env):
        """{setting: (value, place)} of --print-config."""
        result = self.run_prefix(*words, "--print-config", **env)
        self.assertEqual(result.returncode, 0)
        lines = re.findall(r"^(?:# )?(\S+) = (.*?) +# (.+)$", result.stdout, re.MULTILINE)
        return {name: (value, place) for name, value, place in lines}, result


class Strength(ConfigTest):
    def test_the_environment_is_stronger_than_the_file(self):
        self.write("RUN_TRACED_REDACT = of-file # a comment\n")
        self.assertEqual(self.variable("RUN_TRACED_REDACT"), "of-file")
        self.assertEqual(self.variable("RUN_TRACED_REDACT", RUN_TRACED_REDACT=""), "of-file")
        self.assertEqual(self.variable("RUN_TRACED_REDACT", RUN_TRACED_REDACT="own"), "own")

    def test_options_are_stronger_than_both(self):
        self.write("service = of-file\nOTEL_BSP_SCHEDULE_DELAY = 7\n")
        self.assertEqual(self.variable("OTEL_SERVICE_NAME"), "of-file")
        self.assertEqual(self.variable("OTEL_SERVICE_NAME", "-s", "mine"), "mine")
        self.assertEqual(self.variable("OTEL_SERVICE_NAME", "-s", "mine", OTEL_SERVICE_NAME="env"), "mine")
        values, _ = self.config("-s", "mine", OTEL_BSP_MAX_QUEUE_SIZE="9")
        self.assertEqual(values["OTEL_SERVICE_NAME"], ("mine", "option"))
        self.assertEqual(values["OTEL_BSP_SCHEDULE_DELAY"], ("7", "run-traced.conf:2"))
        self.assertEqual(values["OTEL_BSP_MAX_QUEUE_SIZE"], ("9", "environment"))
        self.assertEqual(values["RUN_TRACED_URL_QUERY"], ("redact", "default"))

    def test_the_environment_names_the_service_before_the_file(self):
        self.write("service = of-file\n")
        self.assertEqual(self.variable("OTEL_SERVICE_NAME", OTEL_SERVICE_NAME="env"), "env")

    def test_options_of_the_file(self):
        self.write("output = mine.jsonl\nquiet = on\nfollow = off\n")
        result = self.run_prefix("true")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertTrue((self.directory / "mine.jsonl").exists())
        self.assertFalse((self.directory / "spans.jsonl").exists())
        self.run_prefix("-o", "other", "true")
        self.assertTrue((self.directory / "other").exists())

    def test_exporters_of_the_file(self):
        self.write("exporter = file:one\nexporter = file:two\n")
        self.assertIn("one,", self.run_prefix("-q", "sh", "-c", "echo $RUN_TRACED_EXPORTER").stdout)
        exporters = self.run_prefix("-q", "-e", "file:three", "sh", "-c", "echo $RUN_TRACED_EXPORTER").stdout
        self.assertTrue(exporters.endswith("/three\n") and "one" not in exporters, exporters)


class Places(ConfigTest):
    def test_the_first_that_is_there_counts(self):
        xdg = self.directory / "xdg"
        named = self.write("RUN_TRACED_REDACT = named\n", "any.conf")
        self.write("RUN_TRACED_REDACT = home\n", "home/.config/run-traced/run-traced.conf")
        self.assertEqual(self.variable("RUN_TRACED_REDACT"), "home")
        self.write("RUN_TRACED_REDACT = xdg\n", "xdg/run-traced/run-traced.conf")
        self.assertEqual(self.variable("RUN_TRACED_REDACT", XDG_CONFIG_HOME=xdg), "xdg")
        self.write("RUN_TRACED_REDACT = here\n")
        self.assertEqual(self.variable("RUN_TRACED_REDACT", XDG_CONFIG_HOME=xdg), "here")
        self.assertEqual(self.variable("RUN_TRACED_REDACT", RUN_TRACED_CONFIG=named), "named")
        self.assertEqual(self.variable("RUN_TRACED_REDACT", RUN_TRACED_CONFIG=""), "")

    def test_one_that_others_could_have_written_is_passed_over(self):
        self.write("RUN_TRACED_REDACT = home\n", "home/.config/run-traced/run-traced.conf")
        path = self.write("RUN_TRACED_REDACT = here\n", mode=0o646)
        for mode in (0o646, 0o664):
            path.chmod(mode)
            result = self.run_prefix("sh", "-c", "echo $RUN_TRACED_REDACT")
            self.assertEqual((result.returncode, result.stdout), (0, "home\n"))
            self.assertIn("run-traced.conf can be written to by others; it is not read", result.stderr)
        path.unlink()
        self.write("RUN_TRACED_REDACT = link\n", "elsewhere")
        path.symlink_to("elsewhere")
        self.assertEqual(self.variable("RUN_TRACED_REDACT"), "home")

    @support.needs_root
    def test_one_of_another_user_is_passed_over(self):
        os.chown(self.write("RUN_TRACED_REDACT = here\n"), 65534, 65534)
        result = self.run_prefix("sh", "-c", "echo $RUN_TRACED_REDACT")
        self.assertEqual(result.stdout, "\n")
        self.assertIn("belongs to another user", result.stderr)

    def test_one_that_was_named_must_be_there(self):
        result = self.run_prefix("echo", "ran", RUN_TRACED_CONFIG="/no/such")
        self.assertEqual(result.stdout, "ran\n")
        self.assertIn("/no/such No such file or directory", result.stderr)


class Values(ConfigTest):
    def test_a_wrong_one_is_named_with_its_place_and_the_command_runs(self):
        lines = {"RUN_TRACED_URL_QUERY = kep": "'kep' is neither redact nor keep; using redact",
                 "OTEL_SDK_DISABLED = yes": "'yes' is neither true nor false; using false",
                 "OTEL_PROPAGATORS = b3,ottrace": "'ottrace' is not known and does not count",
                 "OTEL_BSP_SCHEDULE_DELAY = 5s": "'5s' is no whole number; using 1000",
                 "OTEL_TRACES_SAMPLER_ARG = 2": "'2' is no number from 0 to 1; it does not count",
                 "OTEL_EXPORTER_OTLP_ENDPOINT = localhost:4318": "it is no URL with http:// or https://",
                 "OTEL_EXPORTER_OTLP_HEADERS = api-key SECRET": "it is no list of key=value",
                 f"RUN_TRACED_REDACT = {'x' * 63}": "a pattern has at most 62 bytes",
                 f"RUN_TRACED_CAPTURE_HEADERS = {'x' * 64}": "a name has at most 63 bytes",
                 "quiet = perhaps": "'perhaps' is none of on, off, true, false; using off"}
        self.write("\n".join([*lines, "RUN_TRACED_BOGUS = 1", "nonsense"]))
        result = self.run_prefix("echo", "ran")
        self.assertEqual((result.returncode, result.stdout), (0, "ran\n"))
        for number, (line, what) in enumerate(lines.items(), 1):
            self.assertIn(f"run-traced.conf:{number}: {line.split()[0]}: {what}", result.stderr)
            name = line.split()[0]
            if name.isupper() and name != "OTEL_PROPAGATORS" and "CAPTURE" not in name and "REDACT" not in name:
                self.assertEqual(self.variable(name), "")
        self.assertIn("run-traced.conf:11: 'RUN_TRACED_BOGUS' is no setting", result.stderr)
        self.assertIn("run-traced.conf:12: this is no KEY = VALUE", result.stderr)
        self.assertNotIn("SECRET", result.stderr)
        self.assertEqual(self.run_prefix("-q", "true").stderr, "")

    def test_of_the_environment(self):
        result = self.run_prefix("echo", "ran", RUN_TRACED_URL_QUERY="kep")
        self.assertEqual(result.stdout, "ran\n")
        self.assertIn("environment: RUN_TRACED_URL_QUERY: 'kep' is neither redact nor keep; using redact", result.stderr)

    def test_secrets_are_not_shown(self):
        self.write("OTEL_EXPORTER_OTLP_HEADERS = api-key=SECRET,x=SECRET\nOTEL_EXPORTER_ZIPKIN_ENDPOINT = http://u:SECRET@h/\n")
        values, result = self.config(OTEL_EXPORTER_OTLP_ENDPOINT="https://u:SECRET@h/p?key=SECRET")
        self.assertEqual(values["OTEL_EXPORTER_OTLP_HEADERS"][0], "api-key=REDACTED,x=REDACTED")
        self.assertEqual(values["OTEL_EXPORTER_ZIPKIN_ENDPOINT"][0], "http://h/")
        self.assertNotIn("SECRET", result.stdout + result.stderr)


class Table(ConfigTest):
    def test_the_readme_has_the_same_settings(self):
        readme = (ROOT / "README.md").read_text()
        rows = re.search(r"^\| environment variable \|.*?\n\n", readme, re.MULTILINE | re.DOTALL)[0]
        first_cells = [line.split("|")[1] for line in rows.splitlines()[2:] if line]
        names = {name for cell in first_cells for name in re.findall(r"`([A-Z_]+)", cell)}
        options = set(re.findall(r"^\| .*?`--([a-z-]+)", readme, re.MULTILINE))
        printed = set(self.config()[0])
        variables = {name for name in printed if name.isupper()}
        self.assertEqual(names - ONLY_IN_THE_ENVIRONMENT, variables)
        self.assertLessEqual(ONLY_IN_THE_ENVIRONMENT, names)
        self.assertLessEqual(printed - variables - {"keep"}, options)

    def test_what_is_printed_can_be_read(self):
        before, result = self.config(RUN_TRACED_REDACT="x")
        self.write(result.stdout)
        after, again = self.config()
        self.assertEqual(again.stderr, "")
        self.assertEqual({name: value for name, (value, _) in after.items()},
                         {name: value for name, (value, _) in before.items()})


if __name__ == "__main__":
    unittest.main()
