#!/usr/bin/env python3
"""`holdfast run`, as its users have it. usage: HOLDFAST=path/to/holdfast run_test.py"""
import json
import os
import pathlib
import signal
import subprocess
import unittest

from bench import HOLDFAST, Bench, until

ROOT = pathlib.Path(__file__).parents[2]
ARTICLE = """# Harbour

The harbour wakes before the town. Fishermen mend their nets on the quay.

## Noon

By noon the market is loud. Nobody hurries on the pier.
"""


class ShippedJob(Bench):
    def test_makes_one_film_with_sound_and_picture(self):
        self.write("article.md", ARTICLE)
        run = self.holdfast("run", ROOT / "examples/jobs/narrated-video.toml", "--input", "article=@article.md", "--out", "film")
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        films = list((self.folder / "film").rglob("*.mp4"))
        self.assertEqual(len(films), 1)
        self.assertFalse((self.folder / "film/.holdfast").exists())
        script = json.loads((self.folder / "film/script.json").read_text())
        self.assertIn("The harbour wakes before the town.", script["scenes"][0]["narration"])
        probe = json.loads(subprocess.run(["ffprobe", "-v", "error", "-show_streams", "-show_format", "-of", "json", films[0]],
                                          capture_output=True, check=True).stdout)
        self.assertEqual({stream["codec_type"] for stream in probe["streams"]}, {"video", "audio"})
        self.assertGreater(float(probe["format"]["duration"]), 5)
        self.assertIn(str(films[0]), run.stdout)

    def test_dry_run_says_what_would_happen_and_does_nothing(self):
        run = self.holdfast("run", ROOT / "examples/jobs/narrated-video.toml", "--dry-run", "--out", "film")
        self.assertEqual(run.returncode, 0, run.stderr)
        for word in ("script-generation", "RuleBased", "eSpeak", "FFmpegCards"):
            self.assertIn(word, run.stdout)
        self.assertFalse((self.folder / "film").exists())


class Json(Bench):
    KEYS = ["event", "seq", "time", "jobId", "operationId", "data"]

    def test_every_line_is_an_event_with_the_same_keys_in_order(self):
        job = self.slow_providers("true")
        run = self.holdfast("--config", "holdfast.toml", "run", job, "--json", "--out", "o")
        self.assertEqual(run.returncode, 0, run.stderr)
        lines = self.lines_of_json(run.stdout)
        for line in lines:
            self.assertEqual(list(line), self.KEYS)
            self.assertRegex(line["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        names = [line["event"] for line in lines]
        for earlier, later in zip(["job.opened", "lock.created", "operation.started", "stage.finished", "operation.ended"],
                                  ["lock.created", "operation.started", "stage.finished", "operation.ended", "job.closed"]):
            self.assertLess(names.index(earlier), names.index(later), names)
        self.assertEqual(lines[names.index("lock.created")]["data"]["text"].split("[")[0], "ProviderLock")
        self.assertEqual([line["seq"] for line in lines], sorted(line["seq"] for line in lines))

    def test_a_consent_given_beforehand_switches_unattended_and_is_on_the_record(self):
        job = self.slow_providers()
        run = self.holdfast("--config", "holdfast.toml", "run", job, "--json", "--out", "o",
                            "--consent", "stall after 0s: switch to Quick")
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        decisions = [line["data"] for line in self.lines_of_json(run.stdout) if line["event"] == "fallback.decided"]
        self.assertEqual(len(decisions), 1)
        self.assertEqual((decisions[0]["fromProvider"], decisions[0]["toProvider"], decisions[0]["reasonCode"],
                          decisions[0]["userConfirmed"]), ("Slow", "Quick", "USER_AFTER_STALL", True))
        self.assertEqual((self.folder / "o/text.txt").read_text(), "quick\n")
        history = json.loads(self.holdfast("history", decisions[0]["jobId"], "--json").stdout)
        self.assertEqual(history["decisions"], decisions)

    def test_on_stall_cancel_is_a_consent_and_ends_with_4(self):
        job = self.slow_providers()
        run = self.holdfast("--config", "holdfast.toml", "run", job, "--json", "--on-stall", "cancel", "--out", "o")
        self.assertEqual(run.returncode, 4, run.stdout + run.stderr)
        names = [line["event"] for line in self.lines_of_json(run.stdout)]
        self.assertIn("consent.given", names)
        self.assertIn("consent.applied", names)


class OtherProvider(Bench):
    OWN = '''
[job]
name = "own"
[[stages]]
name = "writing"
kind = "text"
provider = "Slow"
command = ["sh", "-c", "echo own > \\"$1\\"", "sh", "${output}"]
output = "text.txt"
'''

    def test_another_provider_for_a_stage_with_a_command_of_its_own_does_the_work_itself(self):
        # The command of the file ran under the name of the other one, and the record said so.
        self.slow_providers()
        job = self.write("own.toml", self.OWN)
        run = self.holdfast("--config", "holdfast.toml", "run", job, "--plain", "--out", "o")
        self.assertEqual((run.returncode, (self.folder / "o/text.txt").read_text()), (0, "own\n"), run.stderr)
        run = self.holdfast("--config", "holdfast.toml", "run", job, "--plain", "--out", "p", "--provider", "writing=Quick")
        self.assertEqual((run.returncode, (self.folder / "p/text.txt").read_text()), (0, "quick\n"), run.stderr)
        self.assertIn("writing on Quick: started", run.stdout)


class Failing(Bench):
    def test_a_hard_error_without_a_terminal_ends_with_1_and_says_how_to_go_on(self):
        job = self.slow_providers("echo the reason >&2; exit 3")
        run = self.holdfast("--config", "holdfast.toml", "run", job, "--plain", "--out", "o")
        self.assertEqual(run.returncode, 1, run.stdout + run.stderr)
        self.assertIn("the reason", run.stdout + run.stderr)
        self.assertRegex((run.stdout + run.stderr).strip().splitlines()[-1], r"holdfast.* --resume stalling-\w+$")

    def test_everything_wrong_with_a_job_file_is_said_before_anything_runs(self):
        job = self.write("bad.toml", '[job]\nname = "x"\nspeed = 3\n[[stages]]\nname = "a"\nkind = "txt"\nprovider = "Nobody"\n'
                                     'prompt = "${stages.later}"\noutput = "../out"\ntimeout = 5\n')
        run = self.holdfast("run", job, "--out", "o")
        self.assertEqual(run.returncode, 2)
        for place in ("bad.toml:3", "bad.toml:6", "bad.toml:8", "bad.toml:9", "bad.toml:10"):
            self.assertIn(place, run.stderr)
        self.assertFalse((self.folder / "o").exists())

    def test_what_the_configuration_says_is_wrong_stands_beside_what_the_file_says_each_with_its_line(self):
        # These came without a line, and only after everything else was mended.
        self.slow_providers()
        job = self.write("bad.toml", """[job]
name = "x"
patience = "infinite"
speed = 3
[[stages]]
name = "a"
kind = "text"
provider = "Nobody"
prompt = "p"
output = "a.txt"
[[stages]]
name = "b"
kind = "image"
prompt = "p"
provider = "eSpeak"
output = "b.png"
[[stages]]
name = "c"
kind = "command"
output = "c.txt"
command = ["no-such-program-xyz", "${output}"]
""")
        run = self.holdfast("--config", "holdfast.toml", "run", job, "--out", "o")
        self.assertEqual(run.returncode, 2, run.stderr)
        for number in (3, 4, 8, 15, 21):
            self.assertRegex(run.stderr, rf"(?m)^{job}:{number}: ")
        self.assertEqual(len(run.stderr.splitlines()), 5, run.stderr)

    def test_what_is_known_to_be_wrong_opens_no_job(self):
        # Each of these opened a job, and failed in it.
        def stage(more, prompt="p"):
            return f"""[job]
name = "x"
[inputs]
list = '{json.dumps(list(range(10_001)))}'
twice = '["a", "a"]'
empty = ""
[[stages]]
name = "a"
kind = "text"
prompt = "{prompt}"
{more}
"""
        own = 'output = "o-${index}.txt"\ncommand = ["cat"]\n'
        for text, line in ((stage(own.replace("-${index}", "") + 'provider_type = "nosuchtype"'), 13),
                           (stage(own + 'for_each = "${inputs.list}"'), 13),
                           (stage(own.replace("index", "item") + 'for_each = "${inputs.twice}"'), 11),
                           (stage(own.replace("-${index}", "") + 'cwd = "/nonexistent"'), 13),
                           (stage('provider = "RuleBased"\noutput = "o.json"', "${inputs.empty}"), 10),
                           (stage('provider = "RuleBased"\noutput = "o.json"', "Scenes: 3\\n"), 10)):
            job = self.write("bad.toml", text)
            run = self.holdfast("run", job, "--out", "o")
            self.assertEqual(run.returncode, 2, (text[-200:], run.stdout, run.stderr))
            self.assertRegex(run.stderr, rf"(?m)^{job}:{line}: ", text[-200:])
            self.assertEqual(json.loads(self.holdfast("jobs", "--json").stdout)["jobs"], [])

    def test_a_job_file_of_ten_megabytes_is_refused_with_the_limit(self):
        job = self.write("big.toml", "#" * 10_000_000)
        run = self.holdfast("run", job)
        self.assertEqual(run.returncode, 2)
        self.assertIn("big.toml", run.stderr)
        self.assertLess(len(run.stderr), 1000)

    def test_a_provider_nobody_configured_is_named_with_those_there_are(self):
        self.slow_providers()
        job = self.write("j.toml", '[job]\nname = "x"\n[[stages]]\nname = "a"\nkind = "text"\nprovider = "Nobody"\nprompt = "p"\noutput = "o.txt"\n')
        run = self.holdfast("--config", "holdfast.toml", "run", job)
        self.assertEqual(run.returncode, 2)
        self.assertIn("Nobody", run.stderr)

    def test_bad_usage_ends_with_2_and_names_the_flag(self):
        for words in (["run"], ["run", "x.toml", "--on-stall", "panic"], ["fly"], ["run", "missing.toml"],
                      ["--config", "nowhere.toml", "providers"]):
            run = self.holdfast(*words)
            self.assertEqual(run.returncode, 2, (words, run.stdout, run.stderr))
            self.assertTrue(run.stderr.strip(), words)

    def test_sigterm_cancels_and_keeps_what_is_finished(self):
        job = self.slow_providers()
        child = self.start("--config", "holdfast.toml", "run", job, "--plain", "--out", "o")
        until(lambda: "started" in child.stdout.readline(), "the first operation's start")
        child.send_signal(signal.SIGTERM)
        out, err = child.communicate(timeout=30)
        self.assertEqual(child.returncode, 4, out + err)


class Notices(Bench):
    def test_a_program_in_no_mapping_is_waited_for_as_if_it_were_a_model_and_that_is_said(self):
        job = self.write("j.toml", '[job]\nname = "x"\n[[stages]]\nname = "a"\nkind = "text"\nprompt = "p"\noutput = "a.txt"\n'
                                   'command = ["cat"]\n')
        for words in (["--dry-run"], ["--plain"]):
            run = self.holdfast("run", job, "--out", "o", *words)
            self.assertEqual(run.returncode, 0, run.stderr)
            self.assertRegex(run.stderr, r"stage 'a': provider cat is in no mapping; it is treated as local_llm \(it asks after 45 s\)")
        job.write_text(job.read_text() + 'provider_type = "tts"\n')
        self.assertEqual(self.holdfast("run", job, "--out", "o2").stderr, "")


class AtTheTerminal(Bench):
    def begin(self, script="sleep 600", **options):
        job = self.slow_providers(script)
        terminal = self.terminal("--config", "holdfast.toml", "run", job, "--out", "o", **options)
        terminal.shows(r"Is Slow stalled\?")
        return terminal

    def test_continue_waiting_closes_the_question_and_the_job_goes_on(self):
        terminal = self.begin()
        terminal.press("1", r"answered continue_30s")
        terminal.keys("C-c")
        terminal.shows(r"[Cc]ancel")
        terminal.keys("y")
        self.assertEqual(terminal.exit_status(), 4)

    def test_wait_until_it_finishes_asks_no_more(self):
        terminal = self.begin("while [ ! -e go ]; do sleep 0.1; done")
        terminal.press("3", r"answered wait_until_done")
        (self.folder / "o/go").touch()
        self.assertEqual(terminal.exit_status(), 0)
        self.assertEqual((self.folder / "o/text.txt").read_text(), "one\ntwo\n")

    def test_the_alternative_is_confirmed_and_then_makes_the_text(self):
        terminal = self.begin()
        screen = terminal.press("4", r"Switch")
        if "Switch to which" in screen:
            number = next(line for line in screen.splitlines() if "Quick (" in line and "Instead" not in line).split()[1]
            terminal.keys(number)
        terminal.shows(r"from Slow to Quick\?")
        terminal.keys("y")
        self.assertEqual(terminal.exit_status(), 0)
        self.assertIn("USER_AFTER_STALL", terminal.screen())
        self.assertEqual((self.folder / "o/text.txt").read_text(), "quick\n")

    def test_another_key_than_y_goes_back_to_the_question(self):
        terminal = self.begin()
        terminal.press("5", r"confirm")
        terminal.keys("n")
        terminal.shows(r"1  Continue Waiting \(30s\)")
        terminal.press("5", r"confirm")
        terminal.keys("y")
        self.assertEqual(terminal.exit_status(), 4)

    def test_the_question_is_withdrawn_by_itself_when_progress_resumes(self):
        terminal = self.begin("while [ ! -e go ]; do sleep 0.1; done; echo more; sleep 600")
        (self.folder / "o/go").touch()
        until(lambda: "Is Slow stalled?" not in terminal.screen(), "the question is gone")
        terminal.keys("C-c")
        terminal.shows(r"[Cc]ancel")
        terminal.keys("y")
        self.assertEqual(terminal.exit_status(), 4)

    def test_twenty_columns_are_survived(self):
        terminal = self.terminal("--config", "holdfast.toml", "run", self.slow_providers(), "--out", "o", width=20)
        terminal.shows(r"Continue")
        terminal.keys("C-c", "C-c")
        self.assertEqual(terminal.exit_status(), 4)

    def test_a_terminal_that_goes_away_does_not_end_the_job(self):
        job = self.slow_providers("while [ ! -e go ]; do sleep 0.1; done")
        terminal = self.terminal("--config", "holdfast.toml", "run", job, "--out", "o")
        terminal.shows(r"Is Slow stalled\?")
        terminal.tmux("kill-server")
        (self.folder / "o/go").touch()
        until(lambda: (self.folder / "o/text.txt").exists(), "the job ends without a terminal")


class OtherCommands(Bench):
    def test_listings_are_one_json_document_each(self):
        for words in (["profiles"], ["profiles", "Ollama", "--patience", "longForm"], ["providers"], ["doctor"]):
            run = self.holdfast(*words, "--json")
            self.assertIn(run.returncode, (0, 1), run.stderr)
            json.loads(run.stdout)
        profile = json.loads(self.holdfast("profiles", "Ollama", "--patience", "longForm", "--json").stdout)
        self.assertEqual(profile, {
            "providerName": "Ollama", "providerType": "local_llm", "patienceProfile": "longForm", "normalThresholdMs": 60000,
            "extendedThresholdMs": 360000, "deepWaitThresholdMs": 600000, "heartbeatIntervalMs": 15000,
            "stallThresholdMs": 67500, "firstProgressThresholdMs": None})

    def test_init_writes_files_that_work_and_never_over_others(self):
        self.assertEqual(self.holdfast("init").returncode, 0)
        self.assertEqual(self.holdfast("--config", "holdfast.toml", "run", "job.toml", "--dry-run").returncode, 0)
        before = (self.folder / "job.toml").read_text()
        self.assertNotEqual(self.holdfast("init").returncode, 0)
        self.assertEqual((self.folder / "job.toml").read_text(), before)

    def test_version_and_help(self):
        self.assertRegex(self.holdfast("--version").stdout, r"holdfast \d+\.\d+\.\d+")
        self.assertIn("holdfast run", self.holdfast("--help").stdout)

    def without_a_reader(self, *words):
        """Into a pipe that nobody reads any more: exit status, and what came on stderr."""
        reader, writer = os.pipe()
        os.close(reader)
        try:
            run = subprocess.run([HOLDFAST, *map(str, words)], cwd=self.folder, env=self.environment, stdout=writer,
                                 stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, timeout=60, check=False)
        finally:
            os.close(writer)
        return run.returncode, run.stderr

    def test_a_closed_pipe_ends_a_listing_in_silence(self):
        for words in (["profiles"], ["profiles", "--json"], ["--help"]):
            with self.subTest(words):
                self.assertEqual(self.without_a_reader(*words), (-signal.SIGPIPE, ""))

    def test_a_listing_that_could_not_be_written_was_not_done(self):
        for words in (["profiles"], ["jobs", "--json"], ["answer"], ["token"], ["--version"]):
            with self.subTest(words), open("/dev/full", "w") as full:
                run = subprocess.run([HOLDFAST, *words], cwd=self.folder, env=self.environment, stdout=full,
                                     stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, timeout=60, check=False)
                self.assertEqual((run.returncode, run.stderr),
                                 (5, "holdfast: what it prints could not be written: No space left on device\n"))

    def test_a_closed_pipe_does_not_end_a_job(self):
        job = self.slow_providers("true")
        for mode in ("--plain", "--json"):
            with self.subTest(mode):
                said = self.without_a_reader("--config", "holdfast.toml", "run", job, mode, "--out", "o" + mode)
                self.assertEqual(said, (0, ""))
                self.assertEqual((self.folder / ("o" + mode) / "text.txt").read_text(), "one\ntwo\n")


if __name__ == "__main__":
    unittest.main(verbosity=2)
