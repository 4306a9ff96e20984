#!/usr/bin/env python3
"""Chaos on both sides of `holdfast serve`, by plain sockets. usage: HOLDFAST=path/to/holdfast serve_test.py"""
import json
import re
import resource
import socket
import struct
import unittest
import urllib.parse

from bench import until
from serving import CHAT, MESSAGES, OLLAMA, SPEECH, Serving, asked, unchunked

STREAMS = (CHAT, MESSAGES, OLLAMA)
# Something outside the provider's own words: the last frame of a stream that cannot be completed.
TROUBLE = {CHAT: rb'data: (\{"error":.*\})\n\n$', MESSAGES: rb'event: error\ndata: (\{.*\})\n\n$', OLLAMA: rb'\n?(\{"error":.*\})\n$'}


class Providers(Serving):
    def post(self, path, script, stream=True, headers=()):
        return self.http("POST", path, asked(path, script, stream), headers)

    def trouble(self, path, answer, code):
        """The stream's own error, in the dialect's shape, at its end; what the provider gave stands before it."""
        self.assertEqual((answer.status, answer.cut), (200, False), answer.body[-500:])
        found = re.search(TROUBLE[path], answer.body)
        self.assertTrue(found, answer.body[-600:])
        said = json.loads(found.group(1))
        if path != OLLAMA:
            self.assertEqual((said["error"]["type"], said["error"]["code"]), ("holdfast_error", code))
        return answer.body[:found.start()]

    def test_a_provider_that_refuses_connections(self):
        for path in (CHAT, SPEECH):
            answer = self.post(path, "m", headers={"Holdfast-Provider": "Nobody"})
            self.assertEqual(answer.status, 502, answer.body)
            self.assertEqual((answer.json()["error"]["type"], answer.json()["error"]["code"]),
                             ("holdfast_error", "provider_unreachable"))
            self.assertIn("Nobody", answer.json()["error"]["message"])

    def test_a_reset_before_the_headers_is_an_error_and_nothing_is_sent_twice(self):
        for path in STREAMS:
            for script in ("cut=headers", "cut=headers,cut_how=close"):
                for stream in (True, False):
                    with self.subTest(path=path, script=script, stream=stream):
                        self.assertEqual(self.post(path, self.script()).status, 200)  # leaves a kept connection behind
                        name = self.script(script)
                        answer = self.post(path, name, stream)
                        self.assertEqual(answer.status, 502, answer.body)
                        self.assertEqual(len(self.log(name)), 1, "a provider may have begun what it was sent")

    def test_a_stream_that_is_cut_in_the_middle_ends_with_the_dialects_own_error(self):
        for path in STREAMS:
            for script in ("cut=3", "cut=3,cut_how=close", "noend=1", "malformed=chunk@3"):
                with self.subTest(path=path, script=script):
                    name = self.script(script)
                    begun = self.trouble(path, self.post(path, name), "truncated")
                    direct = self.http("POST", "/p/first" + path, asked(path, name), port=self.fake_port)
                    self.assertGreater(len(begun), 100)
                    self.assertTrue(begun.startswith(direct.body[:100]))
                    self.assertEqual(len(self.log(name)), 2)

    def test_what_has_no_words_for_an_error_is_cut(self):
        for path, script, stream in ((SPEECH, "cut=3,size=2000", True), (CHAT, "cut=3,early=1,cut_how=close", False),
                                     (OLLAMA, "cut=3,early=1", False)):
            with self.subTest(path=path, script=script):
                answer = self.post(path, self.script(script), stream)
                if answer.status == 200:
                    self.assertTrue(answer.cut, answer.body)
                else:  # as good: it was known before anything had to be sent
                    self.assertEqual(answer.status, 502)

    def test_errors_of_the_provider_pass_as_they_are(self):
        for path in STREAMS:
            for status in (400, 401, 404, 429, 500, 503):
                name = self.script(f"error={status},retry_after=7")
                direct = self.http("POST", "/p/first" + path, asked(path, name), port=self.fake_port)
                answer = self.post(path, name)
                self.assertEqual((answer.status, answer.body), (status, direct.body))
                self.assertEqual(answer.headers["retry-after"], "7")

    def test_an_error_event_after_200_passes_as_it_is(self):
        for path in STREAMS:
            name = self.script("error_at=3")
            direct = self.http("POST", "/p/first" + path, asked(path, name), port=self.fake_port)
            answer = self.post(path, name)
            self.assertEqual((answer.status, answer.body, answer.cut), (200, direct.body, False))

    def test_bytes_pass_as_they_are_however_they_come(self):
        for path in (*STREAMS, SPEECH):
            for script in ("chunks=30", "drip=0.002,chunks=2,size=40", "burst=7,gap=0.01,chunks=21", "malformed=json@3",
                           "encoding=close", "size=200000,chunks=20", "reasoning=5,choices=2"):
                if (path, script) == (SPEECH, "malformed=json@3"):
                    continue
                with self.subTest(path=path, script=script):
                    name = self.script(script)
                    direct = self.http("POST", "/p/first" + path, asked(path, name), port=self.fake_port)
                    answer = self.post(path, name)
                    self.assertEqual((answer.status, answer.cut, answer.body), (200, False, direct.body))
                    self.assertEqual(answer.headers["content-type"], direct.headers["content-type"])

    def test_an_empty_answer_is_none(self):
        for path in STREAMS:
            with self.subTest(path):
                self.trouble(path, self.post(path, self.script("empty=1")), "truncated")
                whole = self.post(path, self.script("empty=1"), stream=False)
                self.assertTrue(whole.cut or whole.status == 502, (whole.status, whole.body))

    def test_headers_and_then_nothing_or_a_half_open_connection_is_a_question(self):
        for script in ("nothing=1", "halfopen=2", "halfopen=headers"):
            with self.subTest(script):
                job, name = script.replace("=", "-"), self.script(script)
                client = self.wire().ask(f"/jobs/{job}{CHAT}", asked(CHAT, name), {"Holdfast-Provider": "Slow"})
                question = self.question(job)
                self.assertEqual((question["question"]["kind"], question["category"]), ("stall", "StallSuspected"))
                self.assertEqual(question["providerName"], "Slow")
                client.socket.close()
                self.assertTrue(self.reaches(name, "left")["disconnected"])
                self.ended(job, "cancelled")

    def test_the_line_is_kept_alive_and_the_keepalive_is_no_progress(self):
        name = self.script("nothing=1")
        client = self.wire().ask("/jobs/quiet/v1/chat/completions", asked(CHAT, name), {"Holdfast-Provider": "Slow"})
        self.assertEqual(client.head()[0], 200)
        client.until(rb": holdfast\n\n")
        self.assertEqual(self.operations("quiet")[0]["question"]["ask"], 1)

    def test_a_client_that_takes_nothing_holds_its_provider_back_and_is_not_asked_about(self):
        name = self.script("size=1000000,chunks=200")
        client = self.wire().ask("/jobs/full/v1/chat/completions", asked(CHAT, name), {"Holdfast-Provider": "Slow"})
        seen = [-1, 0]

        def stands_still():
            seen.append(self.log(name)[-1]["bytesSent"] if self.log(name) else 0)
            return seen[-1] > 0 and len(set(seen[-20:])) == 1  # for a second, longer than the threshold of a stall
        until(stands_still, "backpressure")
        self.assertLess(seen[-1], 100_000_000)
        self.assertIsNone(self.operations("full")[0]["question"])
        self.takes_less(200_000)
        self.assertEqual(client.head()[0], 200)
        while not client.buffer.endswith(b"\n0\r\n\r\n"):
            client.buffer = client.buffer[-200:]  # 200 MB need not be kept
            self.assertTrue(client.more())
        self.assertIn(b"data: [DONE]", client.buffer[-400:])
        self.ended("full", "completed")


MALFORMED = (
    b"\r\n\r\n\r\n\r\nrubbish\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"GET http://[::1 HTTP/1.1\r\nHost: localhost\r\n\r\n", b"GET /%zz HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /a\x00b HTTP/1.1\r\nHost: localhost\r\n\r\n", b"GET / HTTP/1.1\r\nHost: localhost\r\nNo colon\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\n folded: yes\r\n\r\n", b"GET / HTTP/1.1\r\nHost : localhost\r\n\r\n",
    b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
    b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
    b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
    b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
    b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"".join(b"X-%d: a\r\n" % i for i in range(1000)) + b"\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\x00" * 4096, b"\xff" * 100,
)
REFUSED = (  # a body, and what is wrong with it
    b"", b"{", b"[]", b"null", b'"model"', b'{"model": 1, "messages": []}', b'{"model": "a", "model": "b", "messages": []}',
    b'{"model": "a", "stream": true, "stream": false}', b'{"model": "a", "stream": "yes"}', b'{"model": "a"} trailing',
    b"{" * 100_000, b"[" * 100_000, b'{"a":' * 5000, b"\xff\xfe", b'{"model": "\xff"}', b'{"model": "a\\ud800"}',
)


class Clients(Serving):
    def test_ten_thousand_idle_connections_leave_room_for_a_request(self):
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        count = min(10_000, hard - 500)
        print(f"{count} connections", end=" ", flush=True)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        resource.prlimit(self.daemon.pid, resource.RLIMIT_NOFILE, (hard, hard))
        idle = []
        for _ in range(count):
            idle.append(self.wire().ask("/holdfast/v1/health/live"))
        for each in idle:
            self.assertEqual(each.head()[0], 200)
        self.takes_less(16 * count)
        for stream in (True, False):
            answer = self.http("POST", CHAT, asked(CHAT, self.script(), stream))
            self.assertEqual((answer.status, answer.cut), (200, False), answer.body)
        idle[-1].ask("/holdfast/v1/health/live").until(rb"HTTP/1.1 200 OK")

    def test_malformed_requests_are_refused_and_harm_nobody(self):
        for each in MALFORMED:
            with self.subTest(each[:60]):
                client = self.wire()
                try:
                    client.send(each)
                    client.socket.shutdown(socket.SHUT_WR)
                except (BrokenPipeError, ConnectionResetError):
                    pass  # refused before it was all sent
                said = client.rest()
                self.assertRegex(said, rb"^(HTTP/1\.1 (4\d\d|505) |<reset>$|$)")
                self.assertEqual(said.count(b"HTTP/1.1 "), min(1, len(said.replace(b"<reset>", b""))))
        self.alive()

    def test_bodies_that_are_no_request_are_refused_in_the_dialects_shape(self):
        for path in (CHAT, MESSAGES, OLLAMA):
            for each in REFUSED:
                with self.subTest(path=path, body=each[:40]):
                    answer = self.http("POST", path, each)
                    self.assertEqual(answer.status, 400, answer.body)
                    self.assertIn("error", answer.json())
        self.assertEqual(self.http("GET", "/_control/log", port=self.fake_port).json()["requests"], [], "nobody was asked")
        self.alive()

    def test_a_body_that_is_too_large_is_refused_before_it_is_sent(self):
        client = self.wire().send(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                                  b"Content-Length: 99000000000\r\n\r\n{")
        self.assertEqual(client.head()[0], 413)

    def test_slow_loris_does_not_keep_others_out_and_ends(self):
        slow = [self.wire().send(b"POST /v1/chat/completions HTTP/1.1\r\nHost: loc") for _ in range(200)]
        self.assertEqual(self.http("POST", CHAT, asked(CHAT, self.script())).status, 200)
        for each in slow[:3]:
            self.assertRegex(each.rest(), rb"^(HTTP/1\.1 408 |$|<reset>)")
        self.alive()

    def test_a_request_that_comes_byte_by_byte(self):
        body = json.dumps(asked(CHAT, self.script())).encode()
        client = self.wire()
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body) + body:
            client.send(bytes([byte]))
        self.assertEqual(client.head()[0], 200)
        client.until(rb"\[DONE\]")

    def test_a_client_that_reads_byte_by_byte_gets_all(self):
        name = self.script("chunks=6")
        direct = self.http("POST", "/p/first" + CHAT, asked(CHAT, name), port=self.fake_port)
        client = self.wire()
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        client.ask(CHAT, asked(CHAT, name))
        said = b""
        while not said.endswith(b"\r\n0\r\n\r\n"):
            byte = client.socket.recv(1)
            self.assertTrue(byte)
            said += byte
        self.assertEqual(unchunked(said.partition(b"\r\n\r\n")[2]), direct.body)

    def test_several_requests_in_one_write_are_answered_in_their_order(self):
        names = [self.script(f"chunks={i}") for i in (1, 2, 3)]
        data = b""
        for each in names:
            body = json.dumps(asked(CHAT, each, stream=False)).encode()
            data += b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        client = self.wire().send(data)
        for each in names:
            status, fields = client.head()
            length = int(fields["content-length"])
            while len(client.buffer) < length:
                self.assertTrue(client.more())
            document, client.buffer = client.buffer[:length], client.buffer[length:]
            self.assertEqual((status, json.loads(document)["model"]), (200, each))

    def test_who_expects_100_gets_it_and_who_is_refused_does_not(self):
        head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: %d\r\n%s\r\n"
        body = json.dumps(asked(CHAT, self.script())).encode()
        client = self.wire().send(head % (len(body), b""))
        self.assertEqual(client.head()[0], 100)
        self.assertEqual(client.send(body).head()[0], 200)
        refused = self.wire().send(head % (len(body), b"Holdfast-Provider: nobody of this name\r\n"))
        self.assertEqual(refused.head()[0], 400)

    def test_a_client_that_leaves_in_each_phase_is_noticed(self):
        def leaves(wire, how):
            if how == "reset":
                wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            if how == "half":
                wire.socket.shutdown(socket.SHUT_WR)
            else:
                wire.socket.close()
        for how in ("close", "reset", "half"):
            leaves(self.wire().send(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 90\r\n\r\n{"), how)
            for script, state in (("headers=300", "waiting"), ("first=300", "waiting"), ("chunks=9000,gap=0.01", None),
                                  ("stall=3", "stalled"), ("nothing=1", "stalled")):
                with self.subTest(how=how, script=script):
                    name = self.script(script)
                    client = self.wire().ask(CHAT, asked(CHAT, name))
                    if state:
                        self.reaches(name, state)
                    else:
                        client.until(rb"delta.*delta")
                    leaves(client, how)
                    self.assertTrue(self.reaches(name, "left")["disconnected"])
                    self.assertEqual(len(self.log(name)), 1)
        self.alive()

    def test_a_half_closed_client_gets_all_that_asks_no_provider_and_counts_as_left_where_one_works(self):
        def rest_of(request):
            wire = self.wire().send(request)
            wire.socket.shutdown(socket.SHUT_WR)
            return wire.rest()
        whole = rest_of(b"GET /holdfast/v1/openapi.json HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        head, _, body = whole.partition(b"\r\n\r\n")
        self.assertTrue(head.startswith(b"HTTP/1.1 200 "), head)
        self.assertEqual(json.loads(body)["openapi"][:2], "3.")
        self.assertTrue(rest_of(b"POST / HTTP/1.1\r\nHost: elsewhere\r\nContent-Length: 0\r\n\r\n").startswith(b"HTTP/1.1 4"))
        name = self.script("stall=3")
        body = json.dumps(asked(CHAT, name)).encode()
        client = self.wire().send(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n"
                                  b"Content-Type: application/json\r\n\r\n" % len(body) + body)
        self.reaches(name, "stalled")
        client.socket.shutdown(socket.SHUT_WR)
        self.assertTrue(self.reaches(name, "left")["disconnected"])
        self.assertFalse(client.rest().endswith(b"0\r\n\r\n"), "what is cut is not passed off as whole")

    def test_a_request_is_found_by_its_trace_id(self):
        trace, other = "4bf92f3577b34da6a3ce929d0e0e4736", "0af7651916cd43dd8448eb211c80319c"
        parent, name = f"00-{trace}-00f067aa0ba902b7-01", self.script()
        answer = self.http("POST", "/jobs/traced" + CHAT, asked(CHAT, name), {"traceparent": parent})
        self.assertEqual(answer.status, 200, answer.body)
        self.assertEqual(self.log(name)[0]["headers"]["traceparent"], parent, "and the provider gets it as it came")
        self.http("POST", CHAT, asked(CHAT, self.script()), {"traceparent": f"00-{other}-00f067aa0ba902b7-01",
                                                             "Holdfast-Correlation-Id": "said"})
        self.http("POST", CHAT, asked(CHAT, self.script()), {"traceparent": f"00-{other}-0000000000000000-01"})
        self.ended("traced", "completed")
        self.assertEqual({each["correlationId"] for each in self.audit("traced", "operation.ended")}, {trace})
        operation = self.control("GET", "/operations/" + answer.headers["holdfast-operation"]).json()
        self.assertEqual(operation["correlationId"], trace)
        self.assertEqual(self.control("GET", "/jobs/traced/locks").json()["locks"][0]["correlationId"], trace)
        def lines():
            return [json.loads(each) for each in (self.folder / "errors.txt").read_text().splitlines() if each[:1] == "{"]
        until(lambda: sum(each["event"] == "PROVIDER_REQUEST_COMPLETE" for each in lines()) == 3, "all three in the log")
        began = [each for each in lines() if each["event"] == "PROVIDER_REQUEST_START"]
        self.assertEqual([each["correlationId"] for each in began], [trace, "said", None])
        found = [each["event"] for each in lines() if each.get("correlationId") == trace]
        self.assertTrue({"PROVIDER_LOCK_CREATED", "PROVIDER_REQUEST_START", "PROVIDER_REQUEST_COMPLETE"} <= set(found), found)

    def test_refusals_come_in_their_order(self):
        # Is the provider configured, does the lock allow it, does it speak this protocol.
        job = "/jobs/order/stages/writing"
        self.assertEqual(self.http("POST", job + CHAT, asked(CHAT, self.script())).status, 200)
        for provider, status, code in (("Nowhere", 400, "invalid_argument"), ("Anthropic", 409, "provider_locked")):
            answer = self.http("POST", job + CHAT, asked(CHAT, "m"), {"Holdfast-Provider": provider})
            self.assertEqual((answer.status, answer.json()["error"]["code"]), (status, code), answer.body)
            self.assertIn(provider, answer.json()["error"]["message"])
            self.assertEqual(answer.headers.get("x-should-retry"), "false" if status == 409 else None)
        answer = self.http("POST", CHAT, asked(CHAT, "m"), {"Holdfast-Provider": "Anthropic"})
        self.assertEqual((answer.status, answer.json()["error"]["code"]), (400, "invalid_argument"))
        for wrong in ("/jobs/%00/v1/models", "/jobs//v1/models", "/jobs/" + "a" * 300 + "/v1/models", "/jobs/a/stages/%0a/v1/models"):
            self.assertEqual(self.get(wrong).status, 400, wrong)
        self.assertIn(self.get("/jobs/a/holdfast/v1/jobs").status, (400, 404), "below /jobs/ there is only the proxy")

    def records_without_a_job(self):
        lines = [json.loads(line) for line in self.holdfast("--config", "holdfast.toml", "audit", "export").stdout.splitlines()]
        return [each for each in lines if each.get("jobId", "").startswith("anonymous/") and "kind" in each]

    def test_a_request_without_a_job_leaves_one_record_and_the_trail_is_whole(self):
        for number, (path, script) in enumerate(((CHAT, ""), (OLLAMA, ""), (CHAT, "cut=3"))):
            answer = self.http("POST", path, asked(path, self.script(script)), {"Holdfast-Correlation-Id": f"c-{number}"})
            self.assertEqual(answer.status, 200, answer.body)
            self.assertNotIn("holdfast-job", answer.headers)
        self.assertEqual(self.http("POST", "/jobs/film" + CHAT, asked(CHAT, self.script())).status, 200)
        found = until(lambda: (lambda all: all if len(all) >= 3 else None)(self.records_without_a_job()), "three records")
        said = {each["data"]["correlationId"]: each["data"] for each in found}
        self.assertEqual(sorted(said), ["c-0", "c-1", "c-2"])
        self.assertEqual({each["kind"] for each in found}, {"operation.ended"})
        self.assertEqual([said[f"c-{i}"]["outcome"] for i in range(3)], ["completed", "completed", "failed"])
        self.assertEqual([said[f"c-{i}"]["providerName"] for i in range(3)], ["OpenAI", "Ollama", "OpenAI"])
        self.assertEqual(said["c-2"]["error"]["class"], "truncated")
        self.assertRegex(said["c-0"]["startedAt"], r"^\d{4}-\d\d-\d\dT[0-9:.]+Z$")
        shown = self.control("GET", "/audit?job=" + urllib.parse.quote(found[0]["jobId"], safe="")).json()["records"]
        self.assertEqual(shown[0]["hash"], found[0]["hash"])
        self.daemon.terminate()
        self.assertEqual(self.daemon.wait(30), 0)
        self.assertEqual(len(self.records_without_a_job()), 3, "one each, and nothing more when it ends")
        checked = self.holdfast("--config", "holdfast.toml", "audit", "verify", "--json")
        self.assertEqual((checked.returncode, json.loads(checked.stdout)["valid"]), (0, True), checked.stdout)
        jobs = self.holdfast("--config", "holdfast.toml", "jobs", "--json").stdout
        self.assertIn("film", jobs)
        self.assertNotIn("anonymous", jobs)


if __name__ == "__main__":
    unittest.main(verbosity=2)
