#!/usr/bin/env python3
"""The fake provider does what its scripts say. usage: fake_provider_test.py"""
import asyncio
import http.client
import json
import pathlib
import re
import socket
import subprocess
import sys
import time
import unittest

from http11 import Connection

HERE = pathlib.Path(__file__).resolve().parent
ASKED = {"/v1/chat/completions": {"messages": [{"role": "user", "content": "hi"}], "stream": True},
         "/v1/messages": {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 9, "stream": True},
         "/api/chat": {"messages": [{"role": "user", "content": "hi"}]}}


class Watching(unittest.IsolatedAsyncioTestCase):
    async def test_a_request_that_comes_while_the_watch_is_cancelled_is_not_lost(self):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.setblocking(False)
            connection = Connection(ours)
            self.addCleanup(connection.close)
            loop = asyncio.get_running_loop()
            watch = asyncio.create_task(connection.watch())
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            theirs.send(b"GET /next HTTP/1.1\r\n\r\n")
            loop.call_soon(loop.call_soon, watch.cancel)  # after the bytes were read, before the watch goes on
            await asyncio.gather(watch, return_exceptions=True)
            self.assertTrue(watch.cancelled())
            self.assertEqual((await asyncio.wait_for(connection.read(), 5)).target, "/next")


class FakeProvider(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.child = subprocess.Popen([sys.executable, HERE / "fake_provider.py", "--end-with-stdin"], text=True,
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        cls.port = int(re.search(r":(\d+)$", cls.child.stdout.readline()).group(1))

    @classmethod
    def tearDownClass(cls):
        cls.child.stdin.close()
        assert cls.child.wait(10) == 0
        cls.child.stdout.close()

    def open(self, method, path, body=None, headers=()):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        self.addCleanup(connection.close)
        connection.request(method, path, body=None if body is None else json.dumps(body), headers=dict(headers))
        return connection.getresponse()

    def whole(self, method, path, body=None, headers=()):
        response = self.open(method, path, body, headers)
        return response.status, response.read()

    def ask(self, script, path="/v1/chat/completions", **more):
        return self.open("POST", path, {**ASKED[path], "model": script, **more})

    def log(self, model):
        _, text = self.whole("GET", "/_control/log?model=" + model.replace("=", "%3D").replace(",", "%2C"))
        return json.loads(text)["requests"]

    def until(self, condition):
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            value = condition()
            if value:
                return value
            time.sleep(0.02)
        raise AssertionError("never came")

    def test_streamed_and_whole_say_the_same(self):
        chunks = self.ask("script:chunks=5,reasoning=2").read().decode()
        events = [json.loads(line[6:]) for line in chunks.splitlines() if line.startswith("data: {")]
        self.assertTrue(chunks.endswith("data: [DONE]\n\n"))
        document = json.loads(self.ask("script:chunks=5,reasoning=2", stream=False).read())
        for key in ("content", "reasoning_content"):
            self.assertEqual("".join(each["choices"][0]["delta"].get(key) or "" for each in events),
                             document["choices"][0]["message"][key])
        self.assertEqual({each["id"] for each in events}, {document["id"]})
        lines = self.ask("m", "/api/chat").read().splitlines()
        whole = json.loads(self.ask("m", "/api/chat", stream=False).read())
        self.assertEqual("".join(json.loads(line)["message"]["content"] for line in lines), whole["message"]["content"])
        self.assertEqual({**json.loads(lines[-1]), "message": None}, {**whole, "message": None})

    def test_a_stall_lasts_until_it_is_told_to_resume(self):
        for path in ASKED:
            with self.subTest(path):
                name = "script:chunks=3,stall=1,alive=ping,alive_gap=0.05,tag=" + path.replace("/", "")
                response = self.ask(name, path)
                self.assertTrue(response.readline())
                self.until(lambda: self.log(name)[0]["state"] == "stalled")
                self.assertEqual(json.loads(self.whole("POST", "/_control/resume")[1]), {"resumed": 1})
                self.assertRegex(response.read().decode().splitlines()[-2 if path != "/api/chat" else -1],
                                 r"\[DONE\]|message_stop|\"done\":true")
                self.assertFalse(self.log(name)[0]["disconnected"])

    def test_a_caller_who_leaves_is_in_the_log(self):
        for script in ("script:headers=60", "script:first=60", "script:stall=2", "script:nothing=1", "script:halfopen=1"):
            with self.subTest(script):
                with socket.create_connection(("127.0.0.1", self.port)) as caller:
                    body = json.dumps({**ASKED["/v1/chat/completions"], "model": script}).encode()
                    caller.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
                                   + body)
                    self.until(lambda: self.log(script) and self.log(script)[0]["state"] != "reading")
                    self.assertFalse(self.log(script)[0]["disconnected"])
                entry = self.until(lambda: [each for each in self.log(script) if each["disconnected"]])[0]
                self.assertGreaterEqual(entry["disconnectedMs"], entry["atMs"])
                self.assertEqual(entry["bodyBytes"], len(body))

    def test_what_is_broken_is_broken(self):
        for script, wrong in (("cut=2", ConnectionResetError), ("cut=2,cut_how=close", http.client.IncompleteRead),
                              ("malformed=chunk@1", http.client.IncompleteRead)):
            with self.subTest(script), self.assertRaises(wrong):
                self.ask("script:" + script).read()
        with self.assertRaises(ConnectionResetError):
            self.ask("script:cut=headers")
        self.assertIn(b'"content":"cut\n\n', self.ask("script:malformed=json@1").read())
        self.assertNotIn(b"[DONE]", self.ask("script:noend=1").read())
        self.assertNotIn(b"message_stop", self.ask("script:noend=1", "/v1/messages").read())
        self.assertEqual(self.ask("script:empty=1").read(), b"")
        self.assertTrue(self.ask("script:error_at=1", "/api/chat").read().splitlines()[-1].startswith(b'{"error":'))
        with self.assertRaises(http.client.IncompleteRead):
            self.ask("script:cut=1,cut_how=close", stream=False).read()

    def test_errors_come_as_often_as_they_are_told_to(self):
        script = "script:error=429,times=2,retry_after=0"
        answers = [self.ask(script) for _ in range(3)]
        self.assertEqual([each.status for each in answers], [429, 429, 200])
        self.assertEqual(answers[0].headers["Retry-After"], "0")
        self.assertEqual(json.loads(self.ask("script:error=529", "/v1/messages").read())["error"]["type"], "overloaded_error")

    def test_times_and_bursts(self):
        began = time.monotonic()
        self.ask("script:headers=0.1,first=0.1,gap=0.05,chunks=5,silence=0.2").read()
        self.assertGreater(time.monotonic() - began, 0.59)
        began = time.monotonic()
        self.assertEqual(len(self.ask("script:drip=0.01,chunks=1,empty=0", "/api/chat").read().splitlines()), 2)
        self.assertGreater(time.monotonic() - began, 3)
        self.assertGreater(len(self.ask("script:chunks=40,size=100000").read()), 4_000_000)
        response = self.ask("script:silence=3,alive=comment,alive_gap=0.1")
        self.assertGreaterEqual(response.read().count(b": the provider is alive"), 18)

    def test_a_script_with_a_typing_error_is_refused(self):
        for script in ("script:frist=2", "script:first=x", "script:cut=abc", "script:alive=yes", "script:gap=-1",
                       "script:malformed=xml"):
            self.assertEqual(self.ask(script).status, 400, script)

    def test_only_one_of_two_providers_misbehaves(self):
        body = {**ASKED["/v1/chat/completions"], "model": "script:only=slow,error=500"}
        self.assertEqual(self.whole("POST", "/p/slow/v1/chat/completions", body)[0], 500)
        self.assertEqual(self.whole("POST", "/p/quick/v1/chat/completions", body)[0], 200)
        self.assertEqual([each["provider"] for each in self.log("script:only=slow,error=500")], ["slow", "quick"])

    def test_the_small_endpoints_answer(self):
        for method, path in (("GET", "/v1/models"), ("GET", "/v1/models/gpt-5"), ("GET", "/api/tags"), ("GET", "/api/ps"),
                             ("GET", "/api/version"), ("HEAD", "/"), ("GET", "/")):
            self.assertEqual(self.whole(method, path)[0], 200, path)
        self.assertIn(b"has_more", self.whole("GET", "/v1/models", headers={"anthropic-version": "2023-06-01"})[1])
        for path, body in (("/api/show", {"model": "llama3.1:8b"}), ("/api/embed", {"input": "a"}),
                           ("/api/generate", {"prompt": "a"}), ("/v1/embeddings", {"input": ["a", "b"]}),
                           ("/v1/completions", {"prompt": "a"}), ("/v1/responses", {"input": "a"}),
                           ("/v1/audio/speech", {"input": "a", "voice": "alloy"}),
                           ("/v1/messages/count_tokens", {"messages": []})):
            self.assertEqual(self.whole("POST", path, {"model": "m", **body})[0], 200, path)
        self.assertEqual(self.whole("POST", "/v1/nothing", {})[0], 404)

    def test_prompt_progress_of_llama_cpp(self):
        text = self.ask("script:progress=2", return_progress=True).read().decode()
        seen = [json.loads(line[6:]).get("prompt_progress") for line in text.splitlines() if line.startswith("data: {")]
        self.assertEqual([each["processed"] for each in seen if each], [50, 100])


if __name__ == "__main__":
    unittest.main(verbosity=2)
