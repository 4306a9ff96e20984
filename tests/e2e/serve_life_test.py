#!/usr/bin/env python3
"""How `holdfast serve` ends, and what is there afterwards. usage: HOLDFAST=path/to/holdfast serve_life_test.py"""
import concurrent.futures
import itertools
import resource
import signal
import socket
import subprocess
import threading
import unittest

from bench import until
from serving import CHAT, Serving, asked


class Stopping(Serving):
    def test_sigterm_lets_what_runs_end_and_refuses_what_is_new(self):
        name = self.script("stall=2")
        client = self.wire().ask(CHAT, asked(CHAT, name))
        self.reaches(name, "stalled")
        idle = self.wire().ask("/holdfast/v1/health/live")  # served once: it is accepted, and not only in the kernel's queue
        idle.until(rb"\}\s*$")
        idle.buffer = b""
        self.daemon.terminate()

        def refused():
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return False
            except OSError:
                return True
        until(refused, "nobody listens")
        self.assertEqual(idle.rest(), b"")
        self.assertIsNone(self.daemon.poll())
        self.resume(name)
        self.assertEqual(client.head()[0], 200)
        client.until(rb"data: \[DONE\]\n\n\r\n0\r\n\r\n")
        self.assertEqual(self.daemon.wait(30), 0)
        self.assertFalse(self.log(name)[0]["disconnected"])

    def test_a_second_sigterm_ends_at_once(self):
        name = self.script("stall=2")
        client = self.wire().ask("/jobs/cut/v1/chat/completions", asked(CHAT, name))
        self.reaches(name, "stalled")
        self.daemon.terminate()
        errors = self.folder / "errors.txt"
        until(lambda: "stopping" in errors.read_text(), "the first signal heard")
        # `stop` waits for half a minute; the grace time of the first signal is five.
        self.assertEqual(self.stop(signal.SIGTERM), 0)
        self.assertNotIn(b"[DONE]", client.rest())
        self.assertTrue(self.reaches(name, "left")["disconnected"])
        self.serve()
        outcomes = [each["outcome"] for each in self.audit("cut", "operation.ended")]
        self.assertIn(outcomes, (["cancelled"], ["interrupted"]))
        self.assertEqual(self.holdfast("--config", "holdfast.toml", "audit", "verify").returncode, 0)

    def test_sigterm_with_nothing_to_do_does_not_wait_for_the_grace_time(self):
        self.assertEqual(self.stop(), 0)

    def test_a_second_daemon_on_the_same_port_is_refused_and_says_why(self):
        second = self.holdfast("--config", "holdfast.toml", "serve", "--listen", f"127.0.0.1:{self.port}")
        self.assertIn(second.returncode, (2, 5), second.stderr)
        self.assertIn(str(self.port), second.stderr)
        self.alive()

    def test_sighup_reads_the_configuration_again_and_a_wrong_one_changes_nothing(self):
        config = self.folder / "holdfast.toml"
        whole = config.read_text()
        config.write_text(whole + self.provider("Later", "openai", "later/v1"))
        self.daemon.send_signal(signal.SIGHUP)
        until(lambda: self.http("POST", CHAT, asked(CHAT, "m"), {"Holdfast-Provider": "Later"}).status == 200, "the new provider")
        self.assertIn("HOLDFAST_CONFIGURATION_READ", (self.folder / "errors.txt").read_text())
        config.write_text(whole + "[[providers]]\nname = 1\n")
        self.daemon.send_signal(signal.SIGHUP)
        until(lambda: "not read again" in (self.folder / "errors.txt").read_text(), "what is wrong with it")
        self.assertEqual(self.http("POST", CHAT, asked(CHAT, "m"), {"Holdfast-Provider": "Later"}).status, 200)


class Killed(Serving):
    """SIGKILL under load: what was acknowledged over HTTP is found again."""
    numbers = itertools.count()

    def acknowledged(self, stop, told):
        """One caller: locks and decisions until the daemon is gone. What it is told goes into `told`."""
        while not stop.is_set():
            job = f"load-{next(self.numbers)}"
            try:
                answer = self.control("POST", f"/jobs/{job}/locks", {"providerName": "Slow", "providerType": "quick_ask"})
                if answer.status != 201 and answer.status != 200:
                    continue
                told.append(("lock", job, answer.json()["providerName"]))
                answer = self.control("POST", f"/jobs/{job}/decisions", {
                    "fromProvider": "Slow", "toProvider": "Quick", "reasonCode": "USER_REQUEST", "userConfirmed": True,
                    "correlationId": job})
                if answer.status in (200, 201):
                    told.append(("decision", job, answer.json()["toProvider"]))
            except (OSError, ValueError, KeyError):
                return

    def stalled(self, number):
        """A job whose stall was answered while the daemon lived."""
        job, name = f"stall-{number}", self.script("stall=2")
        self.wire().ask(f"/jobs/{job}/stages/writing{CHAT}", asked(CHAT, name), {"Holdfast-Provider": "Slow"})
        question = self.question(job)
        answer = self.control("POST", f"/operations/{question['operationId']}/answer", {"ask": 1, "option": "wait_until_done"})
        self.assertEqual(answer.status, 200, answer.body)
        return job, question["operationId"], name

    def test_what_was_acknowledged_is_there_after_sigkill(self):
        for attempt in range(3):
            stop, told = threading.Event(), []
            with concurrent.futures.ThreadPoolExecutor(6) as pool:
                callers = [pool.submit(self.acknowledged, stop, told) for _ in range(6)]
                stalls = [self.stalled(f"{attempt}-{i}") for i in range(3)]
                until(lambda: len(told) > 60, "some load")
                self.daemon.kill()
                self.daemon.wait()
                stop.set()
                for caller in callers:
                    caller.result()
            for _, _, name in stalls:
                self.reaches(name, "left")
            self.serve()
            for kind, job, provider in told:
                with self.subTest(kind=kind, job=job):
                    if kind == "lock":
                        locks = self.control("GET", f"/jobs/{job}/locks").json()["locks"]
                        self.assertEqual(locks[0]["providerName"], provider)
                    else:
                        decisions = self.control("GET", f"/jobs/{job}/decisions").json()["decisions"]
                        self.assertEqual([each["toProvider"] for each in decisions], [provider])
            for job, operation, _ in stalls:
                records = self.control("GET", f"/audit?job={job}").json()["records"]
                given = [each["data"] for each in records if each["kind"] == "answer" or "option" in each["data"]]
                self.assertTrue(any(each.get("option") == "wait_until_done" for each in given), records)
                found = self.control("GET", f"/operations/{operation}")
                self.assertEqual(found.status, 200, found.body)
                self.assertEqual(found.json()["state"], "interrupted")
                locks = self.control("GET", f"/jobs/{job}/locks").json()["locks"]
                self.assertEqual([(each["providerName"], each["state"]) for each in locks], [("Slow", "active")])
            verified = self.holdfast("--config", "holdfast.toml", "audit", "verify")
            self.assertEqual(verified.returncode, 0, verified.stdout + verified.stderr)
            self.assertEqual(len([each for each in self.log(stalls[0][2])]), 1, "nobody sends it again in silence")

    def test_the_next_request_of_a_job_keeps_its_lock_after_sigkill(self):
        self.assertEqual(self.http("POST", "/jobs/kept" + CHAT, asked(CHAT, self.script()), {"Holdfast-Provider": "Quick"}).status, 200)
        self.daemon.kill()
        self.daemon.wait()
        self.serve()
        answer = self.http("POST", "/jobs/kept" + CHAT, asked(CHAT, self.script()))
        self.assertEqual((answer.status, answer.headers["holdfast-provider"]), (200, "Quick"))
        self.assertEqual(self.http("POST", "/jobs/kept" + CHAT, asked(CHAT, "m"), {"Holdfast-Provider": "Slow"}).status, 409)


class Unwritable(Serving):
    def limit(self, size):
        """From now on the daemon's files can grow no further than that; as root, permissions prove nothing."""
        resource.prlimit(self.daemon.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    def on_disk(self, job, kind):
        """No transaction is cut in its middle: what would become of it nobody could know until the disk is back."""
        until(lambda: self.audit(job, kind), f"{kind} of {job} on the record")

    def test_while_the_store_cannot_be_written_nothing_is_locked_and_what_runs_goes_on(self):
        name = self.script("stall=2")
        client = self.wire().ask(f"/jobs/before{CHAT}", asked(CHAT, name), {"Holdfast-Provider": "OpenAI"})
        self.reaches(name, "stalled")
        self.on_disk("before", "operation.started")
        self.limit(0)
        unseen = self.script()
        refused = self.http("POST", f"/jobs/later{CHAT}", asked(CHAT, unseen))
        self.assertEqual((refused.status, refused.json()["error"]["code"]), (503, "store_unavailable"), refused.body)
        self.assertEqual(self.log(unseen), [], "no lock on disk, no call")
        lock = self.control("POST", "/jobs/other/locks", {"providerName": "Quick", "providerType": "quick_ask"})
        self.assertEqual((lock.status, lock.json()["code"]), (503, "store_unavailable"))
        self.assertEqual(self.control("GET", "/health/ready").status, 503)
        self.resume(name)
        client.head()
        client.until(rb"\[DONE\]")
        self.limit(resource.RLIM_INFINITY)
        until(lambda: self.http("POST", f"/jobs/later{CHAT}", asked(CHAT, self.script())).status == 200, "it writes again")
        self.assertEqual(self.control("GET", "/health/ready").status, 200)
        self.ended("before", "completed")  # what ended meanwhile is written
        self.assertEqual(self.stop(), 0)
        self.assertEqual(self.holdfast("--config", "holdfast.toml", "audit", "verify").returncode, 0)

    def test_a_confirmed_cancel_stops_the_call_all_the_same(self):
        name = self.script("stall=2")
        self.wire().ask(f"/jobs/stop{CHAT}", asked(CHAT, name), {"Holdfast-Provider": "Slow"})
        question = self.question("stop")
        self.on_disk("stop", "question.opened")
        self.limit(0)
        answer = self.control("POST", f"/operations/{question['operationId']}/cancel", {"confirmed": True})
        self.assertEqual(answer.status, 200, answer.body)
        self.assertIs(answer.json()["recorded"], False)
        self.assertTrue(self.reaches(name, "left")["disconnected"])
        self.limit(resource.RLIM_INFINITY)

    def test_an_answer_that_cannot_be_recorded_is_not_given(self):
        name = self.script("stall=2")
        self.wire().ask(f"/jobs/ask{CHAT}", asked(CHAT, name), {"Holdfast-Provider": "Slow"})
        question = self.question("ask")
        self.on_disk("ask", "question.opened")
        self.limit(0)
        body = {"ask": 1, "option": "try_alternative", "provider": "Quick", "confirmed": True}
        answer = self.control("POST", f"/operations/{question['operationId']}/answer", body)
        self.assertEqual((answer.status, answer.json()["code"]), (503, "store_unavailable"))
        self.assertEqual(self.question("ask")["question"]["ask"], 1, "the same question, open again")
        self.assertEqual(self.log(name)[0]["state"], "stalled")
        self.limit(resource.RLIM_INFINITY)
        again = until(lambda: (lambda said: said.status == 200 and said)(
            self.control("POST", f"/operations/{question['operationId']}/answer", body)), "the answer taken")
        self.assertEqual(again.status, 200)
        decisions = self.control("GET", "/jobs/ask/decisions").json()["decisions"]
        self.assertEqual([each["toProvider"] for each in decisions], ["Quick"])

    def test_a_store_that_somebody_else_holds_locked_is_waited_for_without_stopping_streams(self):
        name = self.script("gap=0.02,chunks=9000")  # for minutes: it ends with its client
        client = self.wire().ask(CHAT, asked(CHAT, name))
        client.head()
        held = subprocess.Popen(["python3", "-c", "import sqlite3, sys\n"
                                 "d = sqlite3.connect('holdfast.db', isolation_level=None)\nd.execute('BEGIN EXCLUSIVE')\n"
                                 "print('held', flush=True)\nsys.stdin.read()"], cwd=self.folder, stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, text=True)
        self.addCleanup(lambda: (held.stdin.close(), held.wait(10), held.stdout.close()))
        self.assertEqual(held.stdout.readline(), "held\n")
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            lock = pool.submit(self.control, "POST", "/jobs/waiting/locks", {"providerName": "Quick", "providerType": "quick_ask"})
            client.buffer = b""
            client.until(rb"(?s)(delta.*?){20}")
            self.assertFalse(lock.done())
            held.stdin.close()
            self.assertIn(lock.result(30).status, (200, 201))


if __name__ == "__main__":
    unittest.main(verbosity=2)
