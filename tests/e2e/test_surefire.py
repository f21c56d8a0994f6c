"""Maven's tests: Surefire 3, from Maven's repositories, which the test does without if they cannot be had."""

import re

from support import attribute, needs
from test_suites import STATUS, Runner

POM = """
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion><groupId>x</groupId><artifactId>x</artifactId><version>1</version>
  <properties>
    <maven.compiler.source>11</maven.compiler.source><maven.compiler.target>11</maven.compiler.target>
  </properties>
  <dependencies><dependency>
    <groupId>junit</groupId><artifactId>junit</artifactId><version>4.13.2</version><scope>test</scope>
  </dependency></dependencies>
  <build><plugins><plugin>
    <artifactId>maven-surefire-plugin</artifactId><version>3.2.5</version>
  </plugin></plugins></build>
</project>
"""

SUITE = """
package com.example;
import java.io.InputStream;
import java.net.URL;
import org.junit.*;

public class CallsTest {
    static void get(String path) throws Exception {
        try (InputStream in = new URL(System.getenv("URL") + "/" + path).openStream()) {
            in.readAllBytes();
        }
    }

    @Before public void before() throws Exception { get("before"); }
    @After public void after() throws Exception { get("after"); }
    @Test public void passes() throws Exception {
        System.out.println(":maven-surefire-event:\\r:test-starting:");
        get("passes");
    }
    @Test public void fails() throws Exception { get("fails"); Assert.assertEquals(1, 2); }
    @Test public void raises() { throw new IllegalStateException(); }
    @Ignore @Test public void isIgnored() throws Exception { get("never"); }
    @Test public void assumes() { Assume.assumeTrue(false); }
    @Test public void hasAThread() throws Exception {
        Thread thread = new Thread(() -> {
            try { get("thread"); } catch (Exception e) { throw new RuntimeException(e); }
        });
        thread.start();
        thread.join();
    }
}
"""

CANNOT_BE_HAD = rb"could not be resolved|Could not transfer|Could not find artifact|[Uu]nknown host|offline mode"


@needs("mvn", "javac")
class Surefire(Runner):
    process_spans = "none"

    def test_each_test_has_its_calls_and_its_result(self):
        self.write("pom.xml", POM)
        self.write("src/test/java/com/example/CallsTest.java", SUITE)
        traced = self.traced("mvn", "-B", "test", env={"URL": self.server.url}, timeout=110)
        if re.search(CANNOT_BE_HAD, traced.stdout):
            self.skipTest("cannot be had from Maven's repositories: Surefire 3.2.5, JUnit 4.13.2")
        self.assertEqual(traced.returncode, 1)
        self.assertRegex(traced.stdout, rb"Tests run: 6, Failures: 1, Errors: 1, Skipped: 2\b")
        self.assertNotIn(b"Corrupted", traced.stdout)
        hooks = ["after", "before"]
        found = {name.removeprefix("com.example.CallsTest."): (attribute(span, STATUS), asked)
                 for name, (span, asked) in self.tests().items()}
        self.assertEqual(found, {
            "passes": ("pass", [*hooks, "passes"]),
            "fails": ("fail", ["after", "before", "fails"]),
            "raises": ("fail", hooks),
            "isIgnored": ("skipped", []),
            "assumes": ("skipped", hooks),
            "hasAThread": ("pass", [*hooks, "thread"]),
        })
        span = self.tests()["com.example.CallsTest.passes"][0]
        self.assertEqual(attribute(span, "test.suite.name"), "com.example.CallsTest")
