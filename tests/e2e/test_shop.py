"""The shop of seven services under one prefix: every checkout is one whole trace."""

import collections
import os
import pathlib
import subprocess
import unittest

from support import (BUILD, PATIENCE, ROOT, TracedTest, attribute, children, clean_env, describe,
                     duplicates, needs, of_kind, orphans, roots, service, traces, wait_for)

# What a checkout consists of, top down: (caller, service, method and path).
CALLS = [
    ("api-gateway", "auth-service", "GET /verify"),
    ("api-gateway", "order-service", "POST /orders"),
    ("order-service", "user-service", "GET /users/42"),
    ("order-service", "inventory-service", "POST /reservations"),
    ("order-service", "payment-service", "POST /payments"),
    ("order-service", "notification-service", "POST /notifications"),
]


def what(span):
    return f"{attribute(span, 'http.request.method')} {attribute(span, 'url.path')}"


class Shop(TracedTest):
    def open_shop(self, **env):
        """Starts all seven under one prefix; returns the address."""
        address = self.directory / "address"
        self.shop = self.start(
            ROOT / "testapps/shop/start.sh", "sh", "-c",
            f'echo "$SHOP_URL" >{address}.new; mv {address}.new {address}; cat >/dev/null',
            env={"BUILD": str(BUILD)} | env, ready=address.exists, stdin=subprocess.PIPE,
            cwd=ROOT)
        return address.read_text().strip()

    def close_shop(self):
        """As its user does: start.sh stops the services when its command ends."""
        self.shop.stdin.close()
        self.assertEqual(self.shop.wait(PATIENCE), 0, pathlib.Path(self.shop.log_path).read_text())

    def checkout(self, url, query="", *words):
        result = self.bare("curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "-X", "POST", "-d",
                           '{"cart":1}', *words, f"{url}/checkout{query}")
        return result.stdout.decode()

    def spans_of(self, url, count):
        """A notice may still be on its way when the checkout is answered."""
        self.wait_spans(count)
        self.close_shop()
        found = self.spans()
        self.assertEqual(len(found), count, describe(found))
        self.assertEqual(duplicates(found), [])
        self.assertEqual(orphans(found), [], describe(orphans(found)))
        return found

    def check_trace(self, trace, calls):
        """Exactly these calls, each a CLIENT span of the caller under the caller's SERVER span, and a
        SERVER span under that."""
        top = roots(trace)
        self.assertEqual([(s["kind"], service(s), what(s)) for s in top],
                         [("SERVER", "api-gateway", "POST /checkout")], describe(trace))
        self.assertEqual(len(trace), 1 + 2 * len(calls), describe(trace))
        made = collections.Counter()
        for client in of_kind(trace, "CLIENT"):
            parent = [s for s in trace if s["spanId"] == client["parentSpanId"]][0]
            below = children(trace, client)
            self.assertEqual(len(below), 1, describe(trace))
            self.assert_pair(client, below[0])
            self.assertEqual(parent["kind"], "SERVER", describe(trace))
            self.assertEqual(service(client), service(parent), describe(trace))
            path = what(below[0])
            path = "DELETE /reservations/N" if path.startswith("DELETE /res") else path
            made[(service(client), service(below[0]), path)] += 1
        self.assertEqual(made, collections.Counter(calls), describe(trace))
        return top[0]


class Checkouts(Shop):
    count = 200

    @needs("ab")
    def test_200_with_8_in_parallel(self):
        url = self.open_shop()
        pathlib.Path("cart").write_text('{"cart":1}')
        result = subprocess.run(["ab", "-q", "-k", "-c", "8", "-n", str(self.count), "-p", "cart",
                                 f"{url}/checkout"], capture_output=True, text=True,
                                timeout=PATIENCE * 3, env=clean_env())
        self.assertRegex(result.stdout, rf"Complete requests: +{self.count}\n", result.stderr)
        self.assertRegex(result.stdout, r"Failed requests: +0\n")
        self.assertNotIn("Non-2xx", result.stdout)
        found = self.spans_of(url, 13 * self.count)
        by_trace = traces(found)
        self.assertEqual(len(by_trace), self.count)
        for trace in by_trace.values():
            self.check_trace(trace, CALLS)
        self.assertEqual({s["status"]["code"] for s in found}, {"OK"})

    def test_curl_is_the_root(self):
        url = self.open_shop()
        result = self.traced("curl", "-sS", "-d", "{}", f"{url}/checkout")
        self.assertEqual(result.returncode, 0)
        found = self.spans_of(url, 14)
        self.assertEqual([service(s) for s in roots(found)], ["curl"], describe(found))

    def test_payment_is_called_by_libcurl_the_notice_is_sent_by_another_thread(self):
        url = self.open_shop()
        self.checkout(url)
        found = self.spans_of(url, 13)
        by_path = {attribute(s, "url.path"): s for s in of_kind(found, "SERVER")}
        order, payment = by_path["/orders"], by_path["/payments"]
        paying = [s for s in found if s["spanId"] == payment["parentSpanId"]][0]
        self.assertEqual(paying["parentSpanId"], order["spanId"])
        self.assertEqual(attribute(paying, "thread.id"), attribute(order, "thread.id"))
        notice = [s for s in found if s["spanId"] == by_path["/notifications"]["parentSpanId"]][0]
        self.assertNotEqual(attribute(notice, "thread.id"), attribute(order, "thread.id"))
        self.assertEqual(attribute(notice, "run_traced.parent.source"), "thread")


class Payment(Shop):
    def test_slow(self):
        url = self.open_shop()
        self.assertEqual(self.checkout(url, "?payment=slow"), "200")
        found = self.spans_of(url, 13)
        self.check_trace(found, CALLS)
        slow = {service(s) for s in of_kind(found, "SERVER") if s["duration"] >= 10**6}
        self.assertEqual(slow, {"api-gateway", "order-service", "payment-service"})

    def test_failing(self):
        url = self.open_shop()
        self.assertEqual(self.checkout(url, "?payment=fail"), "502")
        found = self.spans_of(url, 13)
        calls = CALLS[:-1] + [("order-service", "inventory-service", "DELETE /reservations/N")]
        self.check_trace(found, calls)
        errors = sorted((s["kind"], service(s), attribute(s, "error.type"))
                        for s in found if s["status"]["code"] == "ERROR")
        self.assertEqual(errors, [("CLIENT", "api-gateway", "502"), ("CLIENT", "order-service", "503"),
                                  ("SERVER", "api-gateway", "502"), ("SERVER", "order-service", "502"),
                                  ("SERVER", "payment-service", "503")])

    def test_expired(self):
        url = self.open_shop()
        self.assertEqual(self.checkout(url, "", "-H", "Authorization: Bearer expired"), "401")
        found = self.spans_of(url, 3)
        self.check_trace(found, CALLS[:1])
        self.assertEqual({(s["kind"], s["status"]["code"]) for s in found},
                         {("SERVER", "UNSET"), ("CLIENT", "ERROR")})

    def test_one_in_four_fails_in_parallel(self):
        url = self.open_shop(PAYMENT_OPTIONS="--fail 0.25")
        result = self.bare("curl", "-sS", "--parallel", "--parallel-max", "8", "-X", "POST", "-d", "{}",
                           "-o", "/dev/null", "-w", "%{http_code}\n", f"{url}/checkout?n=[1-40]")
        self.assertEqual(collections.Counter(result.stdout.split()), {b"200": 30, b"502": 10})
        found = self.spans_of(url, 40 * 13)
        failing = CALLS[:-1] + [("order-service", "inventory-service", "DELETE /reservations/N")]
        by_trace = traces(found)
        self.assertEqual(len(by_trace), 40)
        for trace in by_trace.values():
            is_failing = attribute(roots(trace)[0], "http.response.status_code") == 502
            self.check_trace(trace, failing if is_failing else CALLS)


class Demo(TracedTest):
    def test_checkouts_under_one_prefix_end_as_without(self):
        os.chdir(ROOT)
        self.assert_same_as_bare(ROOT / "testapps/shop/start.sh", ROOT / "testapps/shop/checkouts.sh",
                                 env={"BUILD": str(BUILD)})


if __name__ == "__main__":
    unittest.main()
