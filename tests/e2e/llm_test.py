#!/usr/bin/env python3
"""Jobs whose texts a language model writes. usage: HOLDFAST=path/to/holdfast llm_test.py"""
import json
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import unittest
import urllib.request

from bench import Bench, until

ROOT = pathlib.Path(__file__).resolve().parents[2]
FAKE = ROOT / "tests" / "fake_provider" / "fake_provider.py"
JOBS = ROOT / "examples" / "jobs"


class LanguageModels(Bench):
    def setUp(self):
        super().setUp()
        self.fake = subprocess.Popen([sys.executable, FAKE, "--port", "0", "--end-with-stdin"], stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE, text=True)
        self.addCleanup(self.fake.communicate)
        self.url = re.search(r"http://\S+", self.fake.stdout.readline())[0]
        self.configure("script:chunks=5")
        self.environment["FAKE_KEY"] = "sk-fake-0123456789"

    def configure(self, model, url=None):
        self.write("holdfast.toml", f'''
[[providers]]
name = "Ollama"
protocol = "ollama"
base_url = "{url or self.url}"
models = {{ default = "{model}" }}
[[providers]]
name = "OpenAI"
protocol = "openai"
base_url = "{url or self.url}/v1"
api_key_env = "FAKE_KEY"
models = {{ default = "{model}" }}
[[providers]]
name = "Claude"
type = "cloud_llm"
protocol = "anthropic"
base_url = "{url or self.url}"
api_key_env = "FAKE_KEY"
models = {{ default = "{model}" }}
''')

    def shipped_writer(self, provider):
        """The shipped job, edited as its comment says, up to its first stage."""
        job = (JOBS / "narrated-video.toml").read_text().split("# What is seen")[0]
        job = job.replace('provider = "RuleBased"', f'provider = "{provider}"').replace("@../../README.md", "@article.md")
        shutil.copy(JOBS / "narrated-video.schema.json", self.folder)
        self.write("article.md", "# Harbour\n\nThe harbour wakes before the town.\n")
        return self.write("job.toml", job)

    def requests(self):
        with urllib.request.urlopen(self.url + "/_control/log") as answer:
            return json.load(answer)["requests"]

    def run_job(self, job, *words):
        return self.holdfast("--config", "holdfast.toml", "run", job, "--out", "film", *words)

    def test_the_shipped_jobs_writer_is_replaced_by_editing_its_provider(self):
        for provider, path in (("Ollama", "/api/chat"), ("OpenAI", "/v1/chat/completions"), ("Claude", "/v1/messages")):
            with self.subTest(provider):
                run = self.run_job(self.shipped_writer(provider), "--json")
                self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
                script = json.loads((self.folder / "film/script.json").read_text())
                self.assertEqual(list(script), ["title", "language", "scenes"])
                self.assertEqual(set(script["scenes"][0]), {"title", "narration", "card"})
                self.assertEqual(self.requests()[-1]["path"], path)
                lines = self.lines_of_json(run.stdout)
                locked = [line["data"] for line in lines if line["event"] == "lock.created"]
                self.assertEqual([lock["providerName"] for lock in locked], [provider])
                self.assertNotIn("sk-fake", run.stdout + run.stderr)
                shutil.rmtree(self.folder / "film")

    def test_a_cut_stream_fails_the_stage_and_its_artifact_does_not_exist(self):
        self.configure("script:cut=3")
        run = self.run_job(self.shipped_writer("Ollama"), "--json")
        self.assertEqual(run.returncode, 1, run.stdout + run.stderr)
        faults = [line["data"] for line in self.lines_of_json(run.stdout) if line["event"] == "provider.hard_error"]
        self.assertEqual(len(faults), 1)
        self.assertFalse((self.folder / "film/script.json").exists())

    def test_what_does_not_follow_the_schema_fails_with_its_place(self):
        job = self.shipped_writer("Ollama")
        job.write_text(job.read_text().replace('schema = "@narrated-video.schema.json"',
                                               'schema = { not = {}, required = ["scenes"] }'))
        run = self.run_job(job)
        self.assertEqual(run.returncode, 1, run.stdout + run.stderr)
        self.assertIn("does not follow the schema", run.stdout + run.stderr)

    def test_ctrl_c_closes_the_call_at_once(self):
        self.configure("script:stall=2")
        child = self.start("--config", "holdfast.toml", "run", self.shipped_writer("Ollama"), "--plain", "--out", "film")
        until(lambda: [each for each in self.requests() if each["state"] == "stalled"], "the stall")
        child.send_signal(signal.SIGTERM)
        child.communicate(timeout=20)
        until(lambda: [each for each in self.requests() if each["state"] == "left"], "the provider hears that nobody listens")

    def test_a_model_that_nobody_named_is_said_before_anything_runs(self):
        self.write("holdfast.toml", f'[[providers]]\nname = "Ollama"\nprotocol = "ollama"\nbase_url = "{self.url}"\n')
        run = self.run_job(self.shipped_writer("Ollama"))
        self.assertEqual(run.returncode, 2, run.stdout + run.stderr)
        self.assertIn("no model is named", run.stderr)
        self.assertFalse((self.folder / "film").exists())

    def test_a_check_asks_the_providers(self):
        check = self.holdfast("--config", "holdfast.toml", "providers", "--check")
        self.assertEqual(check.returncode, 1, "the scripted model is in no list")
        self.assertIn("script:chunks=5 (models.default) is not there; there are: ", check.stdout)
        there = re.search(r"Ollama: .*there are: ([^,\n]+)", check.stdout)[1]
        self.write("holdfast.toml", f'[[providers]]\nname = "Ollama"\nprotocol = "ollama"\nbase_url = "{self.url}"\n'
                                    f'models = {{ default = "{there}" }}\n')
        check = self.holdfast("--config", "holdfast.toml", "providers", "--check")
        self.assertRegex(check.stdout, r"Ollama .*reachable")
        self.assertNotRegex(check.stdout, r"Ollama: ")

    def test_a_check_names_the_address_that_refuses_and_shows_no_key(self):
        with socket.socket() as held:
            held.bind(("127.0.0.1", 0))  # bound and not listening: refused, and nobody else gets it
            url = f"http://127.0.0.1:{held.getsockname()[1]}"
            self.configure("m", url)
            check = self.holdfast("--config", "holdfast.toml", "providers", "--check")
        self.assertEqual(check.returncode, 1)
        self.assertIn(f"cannot be reached at {url}", check.stdout)
        self.assertNotIn("sk-fake", check.stdout + check.stderr)


if __name__ == "__main__":
    unittest.main()
