#!/usr/bin/env python3
"""The commands that ask a daemon somewhere else. usage: HOLDFAST=path/to/holdfast serve_remote_test.py"""
import getpass
import hashlib
import json
import signal
import threading
import unittest

from bench import until
from serving import CHAT, Serving, asked

TOKEN = "hf_ana-0123456789abcdefghijklmnopqrstuvwx"


class WatchFromElsewhere(Serving):
    """The daemon's folder holds its configuration and its store; who watches has neither, but an address and a token."""
    configuration = (f'[[server.tokens]]\nname = "ana"\nsha256 = "{hashlib.sha256(TOKEN.encode()).hexdigest()}"\n'
                     'scopes = ["admin"]\n')
    credentials = {"Authorization": "Bearer " + TOKEN}

    def setUp(self):
        super().setUp()
        self.environment.update(HOLDFAST_URL=f"http://127.0.0.1:{self.port}", HOLDFAST_TOKEN=TOKEN)

    def stalled(self):
        """A job with a question: its name, and that of the model that goes on when it is told to."""
        model = self.script("stall=2")
        self.wire().ask(f"/jobs/film/stages/script{CHAT}", asked(CHAT, model), {"Holdfast-Provider": "Slow", **self.credentials})
        return self.question("film")["operationId"], model

    def test_a_job_is_shown_until_it_is_over(self):
        operation, model = self.stalled()
        watch = self.start("watch", "film", "--plain")
        until(lambda: "is it stalled" in watch.stdout.readline(), "the open question")
        answer = self.holdfast("answer", operation, "continue_5m")
        self.assertEqual(answer.returncode, 0, answer.stderr)
        until(lambda: "continue_5m" in watch.stdout.readline(), "the answer")
        self.resume(model)
        self.ended("film", "completed")
        self.assertEqual(self.holdfast("release", "film").returncode, 0)
        out, err = watch.communicate(timeout=30)
        self.assertEqual((watch.returncode, err), (0, ""))
        self.assertTrue(out.endswith("film: released\n"), out)
        again = self.holdfast("watch", "film", "--plain")
        self.assertEqual((again.returncode, again.stdout), (0, "film: released\n"), again.stderr)

    def test_a_key_answers_on_the_screen(self):
        _, model = self.stalled()
        terminal = self.terminal("watch", "film")
        terminal.shows(r"Is Slow stalled\?")
        terminal.press("2", r"answered continue_5m")
        self.assertEqual([each["by"] for each in self.audit("film", "question.answered")], ["ana (" + getpass.getuser() + ")"])
        self.resume(model)
        self.ended("film", "completed")
        terminal.keys("C-c")
        self.assertEqual(terminal.exit_status(), 0)

    def test_without_a_job_everything_is_shown_until_the_daemon_is_gone(self):
        for leaves in (True, False):
            watch = self.start("watch", "--json")
            said = []
            reading = threading.Thread(target=self.read, args=(watch, said))
            reading.start()
            until(lambda: said or self.control("POST", "/jobs", {}).status == 0, "the feed")
            for job in (f"one-{leaves}", f"two-{leaves}"):
                self.control("POST", "/jobs", {"jobId": job})
                self.control("DELETE", "/jobs/" + job)
                until(lambda: job in [each["jobId"] for each in said if each["event"] == "job.closed"], job)
            if leaves:
                watch.send_signal(signal.SIGINT)
            else:
                self.daemon.kill()
            self.assertEqual(watch.wait(30), 0 if leaves else 5)
            reading.join()

    def read(self, watch, said):
        for line in watch.stdout:
            said.append(json.loads(line))

    def test_what_the_daemon_refuses_is_said(self):
        nobody = self.holdfast("watch", "nobody")
        self.assertEqual(nobody.returncode, 2)
        self.assertIn("no job nobody", nobody.stderr)
        self.environment["HOLDFAST_TOKEN"] = "hf_wrong"
        for words in (["watch"], ["watch", "film"]):
            run = self.holdfast(*words)
            self.assertIn("token", run.stderr, words)
            self.assertNotEqual(run.returncode, 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
