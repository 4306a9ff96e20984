#!/usr/bin/env python3
"""Jobs that outlive their process, and a second terminal. usage: HOLDFAST=path/to/holdfast kept_test.py"""
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time
import unittest

from bench import HOLDFAST, Bench, until


class Kept(Bench):
    def run_slowly(self, script="sleep 600", *words, mode="--json"):
        """A run whose only stage goes silent; returns the child, what it said so far, and its open question."""
        job = self.slow_providers(script)
        child = self.start("--config", "holdfast.toml", "run", job, mode, "--out", "o", *words)
        said = []
        for line in child.stdout:
            said.append(json.loads(line))
            if said[-1]["event"] == "question.opened":
                return child, said, said[-1]
        raise AssertionError("no question came: " + child.stderr.read())

    def ended(self, child):
        out, err = child.communicate(timeout=30)
        return child.returncode, self.lines_of_json(out), err

    def kept(self, *words):
        """A command that looks or acts, from another terminal."""
        return self.holdfast("--config", "holdfast.toml", *words)

    def document(self, *words):
        run = self.kept(*words, "--json")
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        return json.loads(run.stdout)

    def database(self):
        return self.folder / "state/holdfast/holdfast.db"


class Looking(Kept):
    def test_what_ran_is_listed_shown_and_on_the_record(self):
        job = self.slow_providers("true")
        self.assertEqual(self.kept("run", job, "--plain", "--out", "o").returncode, 0)
        listed = self.document("jobs")["jobs"]
        self.assertEqual([(each["name"], each["state"]) for each in listed], [("stalling", "done")])
        name = listed[0]["jobId"]
        shown = self.document("show", name)
        self.assertEqual(shown["stages"][0]["artifacts"], [str(self.folder / "o/text.txt")])
        self.assertTrue(shown["locks"][0]["text"].startswith("ProviderLock[Slow (cloud_llm) for Job " + name))
        self.assertEqual(self.document("history", name)["decisions"], [])
        self.assertEqual(self.document("stats")["totalJobs"], 1)
        for words in (["jobs"], ["show", name], ["history", name], ["stats"], ["audit", "show", name]):
            run = self.kept(*words)
            self.assertEqual((run.returncode, run.stderr), (0, ""), words)
            self.assertTrue(run.stdout.strip(), words)
        kinds = [json.loads(line)["kind"] for line in self.kept("audit", "show", name, "--json").stdout.splitlines()]
        self.assertEqual((kinds[0], kinds[-1]), ("job.opened", "job.closed"))
        for kind in ("lock.created", "operation.started", "operation.ended", "stage.finished", "lock.ended"):
            self.assertIn(kind, kinds)

    def test_why_a_run_failed_is_told_in_words(self):
        job = self.slow_providers("echo boom >&2; exit 3")
        self.assertEqual(self.kept("run", job, "--plain", "--out", "o").returncode, 1)
        name = self.document("jobs")["jobs"][0]["jobId"]
        for words in (["show", name], ["audit", "show", name]):
            self.assertRegex(self.kept(*words).stdout, r"command failed.*exited with status 3: .*boom", words)

    def test_a_key_that_a_provider_printed_is_in_no_log_and_the_log_is_its_owner_s(self):
        key = "sk-abcdefghijklmnopqrstuvwxyz1234"
        job = self.slow_providers(f"echo api_key={key} >&2; exit 3")
        for mode in ("--plain", "--json"):
            run = self.kept("--log-file", "log.json", "run", job, mode, "--out", "o" + mode)
            self.assertEqual(run.returncode, 1, run.stderr)
            self.assertNotIn(key, run.stdout + run.stderr)
            self.assertIn("api_key=***", run.stdout + run.stderr)
        for job in self.document("jobs")["jobs"]:
            for words in (["show"], ["history"], ["audit", "show"]):
                self.assertNotIn(key, self.kept(*words, job["jobId"]).stdout)
        log = self.folder / "log.json"
        self.assertEqual({each["event"] for each in self.lines_of_json(log.read_text()) if "api_key=***" in json.dumps(each)},
                         {"PROVIDER_HARD_ERROR", "PROVIDER_REQUEST_COMPLETE"})
        self.assertNotIn(key, log.read_text())
        self.assertEqual(log.stat().st_mode & 0o777, 0o600)

    def test_only_artifacts_that_are_there_are_counted_and_the_others_are_null(self):
        self.write("job.toml", '''
[job]
name = "gaps"
[inputs]
list = "[1, 2, 3, 4]"
[[stages]]
name = "writing"
kind = "command"
for_each = "${inputs.list}"
parallel = 4
command = ["sh", "-c", "case $1 in 2|3) until [ -e o-1.txt ] && [ -e o-4.txt ]; do sleep 0.1; done; exit 3;; esac; echo x > $0", "${output}", "${item}"]
prompt = "${item}"
output = "o-${index}.txt"
''')
        self.assertEqual(self.holdfast("run", "job.toml", "--plain", "--out", "o").returncode, 1)
        name = json.loads(self.holdfast("jobs", "--json").stdout)["jobs"][0]["jobId"]
        self.assertRegex(self.holdfast("show", name).stdout, r"2/4 +\S+/o-1\.txt and 1 more\n")
        made = json.loads(self.holdfast("show", name, "--json").stdout)["stages"][0]["artifacts"]
        self.assertEqual([each and pathlib.Path(each).name for each in made], ["o-1.txt", None, None, "o-4.txt"])

    def test_signs_are_ascii_where_the_locale_is_not_utf8(self):
        job = self.slow_providers("echo boom >&2; exit 3")
        self.environment["LC_ALL"] = "C"
        self.kept("run", job, "--plain", "--out", "o", "--consent", "error: switch to Quick")
        name = self.document("jobs")["jobs"][0]["jobId"]
        for words in (["history", name], ["audit", "show", name], ["--help"]):
            self.assertTrue(self.kept(*words).stdout.isascii(), self.kept(*words).stdout)
        self.assertIn("Slow -> Quick", self.kept("history", name).stdout)

    def test_what_is_not_there_is_said_with_where_to_look(self):
        self.slow_providers("true")
        for words in (["show", "nobody"], ["history", "nobody"], ["audit", "show", "nobody"], ["release", "nobody"],
                      ["cancel", "nobody", "--confirm"], ["switch", "nobody", "--to", "Quick", "--confirm"],
                      ["run", "--resume", "nobody"]):
            run = self.kept(*words)
            self.assertEqual(run.returncode, 2, words)
            self.assertIn("nobody", run.stderr)
            self.assertIn("holdfast jobs", run.stderr)

    def test_a_file_that_is_no_store_is_refused_and_left_as_it_was(self):
        self.slow_providers("true")
        other = self.write("notes.db", "these are notes")
        run = self.holdfast("--store", f"sqlite:{other}", "jobs")
        self.assertIn(run.returncode, (2, 5))
        self.assertIn("notes.db", run.stderr)
        self.assertEqual(other.read_text(), "these are notes")

    def test_a_mistyped_store_is_neither_made_nor_called_whole(self):
        self.slow_providers("true")
        looking = (["jobs"], ["show", "j"], ["history", "j"], ["stats"], ["watch"], ["audit", "verify"], ["answer"],
                   ["audit", "show", "j"], ["audit", "export"], ["prune", "--closed-before", "1d"], ["release", "j"],
                   ["cancel", "j", "--confirm"], ["switch", "j", "--to", "Quick", "--confirm"], ["run", "--resume", "j"])
        for words in looking:
            run = self.holdfast("--store", f"sqlite:{self.folder}/nope/x.db", *words)
            self.assertEqual((run.returncode, run.stdout), (5, ""), words)
            self.assertIn("--store: there is no store at " + str(self.folder / "nope/x.db"), run.stderr)
        self.assertFalse((self.folder / "nope").exists())

    def test_before_the_first_run_there_is_nothing_and_that_is_no_error(self):
        self.slow_providers("true")
        for words in (["jobs"], ["stats"], ["answer"], ["watch"], ["audit", "export"], ["audit", "verify"]):
            self.assertEqual(self.kept(*words).returncode, 0, words)
        self.assertEqual(self.kept("audit", "verify").stdout, "0 records of 0 jobs: there is nothing to check.\n")
        self.assertIn("is made by the first `run` or `serve`", self.kept("doctor").stdout)
        self.assertFalse((self.folder / "state").exists())


class SecondTerminal(Kept):
    def test_a_stall_is_answered_in_each_way(self):
        for option, extra, outcome in (("continue_30s", [], None), ("continue_5m", [], None), ("wait_until_done", [], None),
                                       ("try_alternative", ["--provider", "Quick", "--confirm"], 0),
                                       ("cancel_job", ["--confirm"], 4)):
            with self.subTest(option):
                shutil.rmtree(self.folder / "o", ignore_errors=True)
                child, _, question = self.run_slowly()
                asked = self.document("answer")["operations"]
                self.assertEqual([each["operationId"] for each in asked], [question["operationId"]])
                if extra:
                    refused = self.kept("answer", question["operationId"], option, *extra[:-1])
                    self.assertEqual(refused.returncode, 3, refused.stderr)
                    self.assertIn("--confirm", refused.stderr)
                answer = self.kept("answer", question["operationId"], option, "--ask", question["data"]["ask"], *extra)
                self.assertEqual(answer.returncode, 0, answer.stderr)
                if outcome is None:
                    late = self.kept("answer", question["operationId"], "continue_5m", "--ask", question["data"]["ask"])
                    self.assertEqual(late.returncode, 3, late.stderr)
                    self.assertIn(option, late.stderr, "whoever is late hears which answer won")
                    self.assertEqual(self.kept("cancel", question["jobId"], "--confirm").returncode, 0)
                    outcome = 4
                status, said, err = self.ended(child)
                self.assertEqual(status, outcome, err)
                answered = [line["data"] for line in said if line["event"] == "question.answered"]
                self.assertEqual((answered[0]["option"], answered[0]["door"]), (option, "api"))

    def question_lines(self, child):
        """What is printed up to the end of the next question."""
        said = []
        for line in child.stdout:
            said.append(line)
            if "To decide in advance" in line:
                break
        return said

    def as_printed(self, line):
        """The command that a line ends with or begins with, run in another folder."""
        command = re.search(r"\S*holdfast .*", line)[0].split("   ")[0]
        run = subprocess.run(command, shell=True, cwd="/", env=self.environment, text=True, capture_output=True,
                             timeout=60, check=False)
        self.assertEqual(run.returncode, 0, line + run.stderr)

    def test_a_printed_command_does_what_it_says_as_it_stands(self):
        job = self.slow_providers()
        child = self.start("--store", "sqlite:other.db", "--config", "holdfast.toml", "run", job, "--plain", "--out", "o")
        asked = self.question_lines(child)
        self.as_printed(next(line for line in asked if "answer op-" in line and "try_alternative" in line))
        out, err = child.communicate(timeout=30)
        self.assertEqual(child.returncode, 0, out + err)
        record = out[out.index("Its record: "):].splitlines()[0].removeprefix("Its record: ").split(", ")
        self.assertEqual(len(record), 2)
        for each in record:
            self.as_printed(each)

    def test_every_line_of_the_list_of_questions_is_a_whole_command(self):
        child, _, _ = self.run_slowly()
        lines = [line.strip() for line in self.kept("answer").stdout.splitlines() if "answer op-" in line]
        self.assertEqual(len(lines), 6, lines)  # one for each option, and for each provider that could be switched to
        self.as_printed(next(line for line in lines if "try_alternative --provider Quick" in line))
        self.assertEqual(self.ended(child)[0], 0)

    def test_of_several_items_it_is_said_which_one_is_asked_about(self):
        job = self.slow_providers()
        job.write_text(job.read_text().replace('prompt = "unused"\noutput = "text.txt"', 'prompt = "${item}"\nparallel = 2\n'
                       'output = "nap-${index}.txt"\nfor_each = "${inputs.naps}"') + '[inputs]\nnaps = \'["a", "b", "c"]\'\n')
        child = self.start("--config", "holdfast.toml", "run", job, "--plain", "--out", "o")
        asked = [line for line in self.question_lines(child) + self.question_lines(child) if "is it stalled?" in line]
        self.assertEqual(sorted(re.search(r"item \d of 3", line).group() for line in asked), ["item 1 of 3", "item 2 of 3"])
        listed = self.kept("answer").stdout
        self.assertIn("writing (item 2", listed)
        terminal = self.terminal("--config", "holdfast.toml", "watch", self.document("jobs")["jobs"][0]["jobId"])
        terminal.shows(r"Is Slow stalled\? writing, item [12]")
        child.terminate()
        child.communicate(timeout=30)

    def test_a_job_is_switched_and_says_so(self):
        child, _, question = self.run_slowly()
        unconfirmed = self.kept("switch", question["jobId"], "--to", "Quick")
        self.assertEqual(unconfirmed.returncode, 3)
        self.assertIn("--confirm", unconfirmed.stderr)
        self.assertIn("no stage zzz", self.kept("switch", question["jobId"], "--to", "Quick", "--stages", "zzz").stderr)
        wrong = self.kept("switch", question["jobId"], "--to", "Qick", "--confirm")
        self.assertEqual(wrong.returncode, 2)
        self.assertIn("Quick", wrong.stderr)
        decision = self.document("switch", question["jobId"], "--to", "Quick", "--confirm")
        self.assertEqual((decision["fromProvider"], decision["toProvider"], decision["reasonCode"]),
                         ("Slow", "Quick", "USER_REQUEST"))
        status, _, err = self.ended(child)
        self.assertEqual(status, 0, err)
        self.assertEqual((self.folder / "o/text.txt").read_text(), "quick\n")

    def test_watch_shows_the_question_and_a_key_answers_it(self):
        child, _, question = self.run_slowly("while [ ! -e go ]; do sleep 0.1; done")
        terminal = self.terminal("--config", "holdfast.toml", "watch", question["jobId"])
        terminal.shows(r"Is Slow stalled\?")
        terminal.press("2", r"answered continue_5m")
        (self.folder / "o/go").touch()
        self.assertEqual(terminal.exit_status(), 0)
        self.assertIn("done", terminal.screen())
        status, said, err = self.ended(child)
        self.assertEqual(status, 0, err)

    def test_watch_shows_what_ran_before_it_came(self):
        began = time.monotonic()
        child, _, question = self.run_slowly("while [ ! -e go ]; do sleep 0.1; done")
        until(lambda: time.monotonic() - began > 5, "a job much older than its watch")
        terminal = self.terminal("--config", "holdfast.toml", "watch", question["jobId"])
        shown = terminal.shows(r"Stall Suspected.*1 chunk")
        self.assertGreater(float(re.search(r"waits for an answer  ([\d.]+) s", shown).group(1)), 3, "the job's time, not the watch's")
        (self.folder / "o/go").touch()
        self.assertEqual(terminal.exit_status(), 0)
        self.ended(child)

    def test_a_run_in_the_background_of_a_terminal_is_not_stopped_by_it(self):
        self.slow_providers("true")
        terminal = self.terminal("--version")
        terminal.exit_status()
        terminal.keys(f"{HOLDFAST} --config holdfast.toml run job.toml --out o &", "Enter")
        terminal.shows(r"stalling-\w+: done after")

    def test_ctrl_c_leaves_watch_and_the_job_goes_on(self):
        child, _, question = self.run_slowly("while [ ! -e go ]; do sleep 0.1; done")
        terminal = self.terminal("--config", "holdfast.toml", "watch", question["jobId"])
        terminal.shows(r"Is Slow stalled\?")
        terminal.keys("C-c")
        self.assertEqual(terminal.exit_status(), 0)
        self.assertIsNone(child.poll())
        (self.folder / "o/go").touch()
        self.assertEqual(self.ended(child)[0], 0)

    def test_watch_says_when_the_process_is_gone(self):
        child, _, question = self.run_slowly()
        watch = self.start("--config", "holdfast.toml", "watch", question["jobId"], "--plain")
        until(lambda: "is it stalled" in watch.stdout.readline(), "the open question")
        child.kill()
        out, err = watch.communicate(timeout=30)
        self.assertEqual(watch.returncode, 0, err)
        self.assertIn("--resume " + question["jobId"], out)

    def test_a_question_is_told_to_the_configured_command(self):
        job = self.slow_providers()
        config = self.folder / "holdfast.toml"
        config.write_text(config.read_text() + '[notify]\ncommand = ["sh", "-c", "cat >> told.json"]\n')
        child = self.start("--config", "holdfast.toml", "run", job, "--plain", "--out", "o")
        told = until(lambda: (self.folder / "told.json").exists() and (self.folder / "told.json").read_text(), "the question")
        self.assertEqual(json.loads(told)["event"], "question.opened")
        child.terminate()
        child.communicate(timeout=30)

    def test_a_process_that_was_stopped_keeps_nobody_from_the_questions_of_the_others(self):
        stopped, _, hidden = self.run_slowly()
        self.start("--config", "holdfast.toml", "run", "job.toml", "--json", "--out", "o2")
        until(lambda: len(self.document("answer")["operations"]) == 2, "both questions")
        stopped.send_signal(signal.SIGSTOP)
        self.addCleanup(stopped.send_signal, signal.SIGCONT)
        self.assertEqual(self.kept("show", hidden["jobId"]).returncode, 0)
        listed = self.document("answer")
        (asked,) = listed["operations"]
        self.assertEqual(len(listed["silent"]), 1)
        self.assertIn(str(stopped.pid), listed["silent"][0])
        self.assertEqual(self.kept("answer", asked["operationId"], "continue_5m").returncode, 0)
        unseen = self.kept("answer", hidden["operationId"], "continue_5m")
        self.assertEqual(unseen.returncode, 5, unseen.stderr)
        self.assertIn(f"process {stopped.pid}", unseen.stderr)

    def test_the_only_process_is_named_where_it_was_stopped(self):
        stopped, _, question = self.run_slowly()
        until(lambda: self.document("show", question["jobId"])["state"] == "waiting", "nothing more to write down")
        stopped.send_signal(signal.SIGSTOP)
        self.addCleanup(stopped.send_signal, signal.SIGCONT)
        listed = self.document("answer")
        self.assertEqual(listed["operations"], [])
        self.assertIn(str(stopped.pid), listed["silent"][0])
        self.assertIn("does not answer", self.kept("answer").stdout)

    def test_an_answer_is_checked_against_the_question_that_is_open(self):
        _, _, question = self.run_slowly()
        operation = question["operationId"]
        bare = self.kept("answer", operation)
        self.assertEqual(bare.returncode, 2)
        for option in question["data"]["options"]:
            self.assertIn(f"answer {operation} {option['id']}", bare.stderr)
        moved = self.kept("answer", operation, "continue_5m", "--provider", "Quick")
        self.assertEqual(moved.returncode, 2)
        self.assertIn("--provider", moved.stderr)

    def test_a_job_that_waits_for_an_answer_is_shown_as_waiting(self):
        _, _, question = self.run_slowly()
        shown = self.kept("show", question["jobId"]).stdout
        self.assertIn(question["data"]["evidence"], shown)
        self.assertRegex(shown, f"holdfast --config \\S+ answer {question['operationId']} continue_5m")
        self.assertEqual(self.document("show", question["jobId"])["state"], "waiting")
        self.assertIn("waiting", self.kept("jobs", "--active").stdout)
        self.assertEqual(self.kept("answer", question["operationId"], "continue_5m").returncode, 0)
        self.assertEqual(self.document("show", question["jobId"])["state"], "running")
        self.assertIsNone(self.document("stats")["openQuestions"], "the store does not know")

    def test_two_jobs_of_two_processes_share_one_store(self):
        first, _, one = self.run_slowly()
        second = self.start("--config", "holdfast.toml", "run", "job.toml", "--json", "--out", "o2")
        asked = until(lambda: (lambda all: len(all) == 2 and all)(self.document("answer")["operations"]), "both questions")
        self.assertEqual(len({each["jobId"] for each in asked}), 2)
        for each in asked:
            self.assertEqual(self.kept("cancel", each["jobId"], "--confirm").returncode, 0)
        self.assertEqual([self.ended(child)[0] for child in (first, second)], [4, 4])
        self.assertEqual(self.kept("audit", "verify").returncode, 0)


class Resume(Kept):
    def test_a_killed_job_is_interrupted_and_asked_about_from_another_terminal(self):
        child, _, question = self.run_slowly("while [ ! -e go ]; do sleep 0.1; done")
        name = question["jobId"]
        held = self.kept("run", "job.toml", "--resume", name)
        self.assertEqual(held.returncode, 3, held.stderr)
        self.assertIn(str(child.pid), held.stderr)
        child.kill()
        child.wait()
        self.assertEqual(self.document("show", name)["state"], "interrupted")
        (self.folder / "o/go").touch()
        resumed = self.start("--config", "holdfast.toml", "run", "--resume", name, "--json")
        asked = until(lambda: self.document("answer")["operations"], "the question about the interrupted call")
        self.assertEqual(asked[0]["question"]["kind"], "interrupted")
        self.assertEqual(asked[0]["operationId"], question["operationId"])
        self.assertEqual(self.kept("answer", asked[0]["operationId"], "try_again").returncode, 0)
        status, said, err = self.ended(resumed)
        self.assertEqual(status, 0, err)
        self.assertEqual((self.folder / "o/text.txt").read_text(), "one\ntwo\n")
        locks = self.document("show", name)["locks"]
        self.assertEqual(len(locks), 1, "the lock of the first run was still there")
        self.assertEqual(self.kept("audit", "verify", name).returncode, 0)

    # Once it was on the record that it was interrupted, it was sent again unasked.
    def test_an_interrupted_call_is_asked_about_in_each_process_until_somebody_answers(self):
        child, _, question = self.run_slowly("while [ ! -e go ]; do sleep 0.1; done")
        name = question["jobId"]
        for _ in range(2):
            child.kill()
            child.wait()
            (self.folder / "o/go").touch()
            child = self.start("--config", "holdfast.toml", "run", "--resume", name, "--json")
            asked = until(lambda: self.document("answer")["operations"], "the question about the interrupted call")
            self.assertEqual((asked[0]["operationId"], asked[0]["question"]["kind"]),
                             (question["operationId"], "interrupted"))
            self.assertFalse((self.folder / "o/text.txt").exists())
        self.assertEqual(self.kept("answer", question["operationId"], "try_again").returncode, 0)
        status, _, err = self.ended(child)
        self.assertEqual(status, 0, err)
        self.assertEqual((self.folder / "o/text.txt").read_text(), "one\ntwo\n")
        self.assertEqual(self.kept("audit", "verify", name).returncode, 0)

    def test_on_a_terminal_the_interrupted_call_is_a_question_on_the_screen(self):
        child, _, question = self.run_slowly("while [ ! -e go ]; do sleep 0.1; done")
        child.kill()
        child.wait()
        (self.folder / "o/go").touch()
        terminal = self.terminal("--config", "holdfast.toml", "run", "--resume", question["jobId"])
        self.assertRegex(terminal.shows(r"unknown"), r"writing .*Slow · locked", "the lock of the first run is still there")
        terminal.press("1", r"answered try_again|exit status")
        self.assertEqual(terminal.exit_status(), 0)

    # Both said that nothing would be cancelled.
    def test_what_was_given_in_advance_is_known_to_the_run_that_resumes_and_to_a_second_terminal(self):
        child, _, question = self.run_slowly("sleep 600", "--consent", "stall after 1h: cancel")
        child.kill()
        child.wait()
        name = question["jobId"]
        self.assertIn("\nGiven in advance: stall after 1h: cancel\n", self.kept("show", name).stdout)
        self.assertEqual([each["text"] for each in self.document("show", name)["consents"]], ["stall after 1h: cancel"])
        resumed = self.start("--config", "holdfast.toml", "run", "--resume", name, "--plain")
        asked = until(lambda: self.document("answer")["operations"], "the question about the interrupted call")
        self.assertEqual(self.kept("answer", asked[0]["operationId"], "try_again").returncode, 0)
        outlook = re.compile(r"Given in advance: stall after 1h: cancel. That comes in (59|1 h)")
        self.assertTrue(any(outlook.search(line) for line in resumed.stdout), "the run says what will happen")
        watching = self.start("--config", "holdfast.toml", "watch", name, "--plain")
        self.assertTrue(any(outlook.search(line) for line in watching.stdout), "and so does who looks on")
        self.assertEqual(self.kept("cancel", name, "--confirm").returncode, 0)
        self.assertEqual(resumed.wait(30), 4)
        self.assertEqual(watching.wait(30), 0)
        self.assertEqual(self.document("show", name)["consents"], [], "they ended with the job")

    def test_from_runs_a_stage_anew_without_asking(self):
        child, _, question = self.run_slowly("while [ ! -e go ]; do sleep 0.1; done")
        child.kill()
        child.wait()
        (self.folder / "o/go").touch()
        run = self.kept("run", "--resume", question["jobId"], "--from", "writing", "--plain")
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)

    def test_a_failed_job_goes_on_by_the_command_that_its_last_line_says(self):
        job = self.slow_providers("test -e mended || exit 3")
        failed = self.kept("run", job, "--plain", "--out", "o")
        self.assertEqual(failed.returncode, 1)
        (self.folder / "o/mended").touch()
        again = subprocess.run(failed.stdout.strip().splitlines()[-1], shell=True, cwd=self.folder, env=self.environment,
                               capture_output=True, text=True, check=False, timeout=60)
        self.assertEqual(again.returncode, 0, again.stdout + again.stderr)

    def test_provider_does_not_move_a_stage_that_is_locked_and_says_what_does(self):
        # It was taken without a word, and the old provider called again.
        job = self.slow_providers("echo call >> ../calls; exit 3")
        self.assertEqual(self.kept("run", job, "--plain", "--out", "o").returncode, 1)
        name = self.document("jobs")["jobs"][0]["jobId"]
        refused = self.kept("run", job, "--resume", name, "--provider", "writing=Quick", "--plain")
        self.assertEqual(refused.returncode, 2, refused.stdout + refused.stderr)
        command = f"holdfast switch {name} --to Quick --stages writing --confirm"
        self.assertIn(command, refused.stderr)
        self.assertEqual((self.folder / "calls").read_text(), "call\n", "nobody was called again")
        self.assertEqual(self.kept(*command.split()[1:]).returncode, 0)
        planned = self.document("run", "--resume", name, "--dry-run")
        self.assertEqual(planned["stages"][0]["providerName"], "Quick", "the one that it is locked to")
        resumed = self.kept("run", job, "--resume", name, "--provider", "writing=Quick", "--plain")
        self.assertEqual(resumed.returncode, 0, resumed.stdout + resumed.stderr)
        self.assertEqual((self.folder / "o/text.txt").read_text(), "quick\n")

    def test_a_job_that_nobody_holds_is_cancelled_or_released_here(self):
        for words, state in ((["cancel", "--confirm"], "cancelled"), (["release"], "released")):
            # Not the program itself, which the kernel ends with its parent, but what it has started.
            child, _, question = self.run_slowly("sleep 600 & echo $$! > worker; wait")
            worker = int((self.folder / "o/worker").read_text())
            child.kill()
            child.wait()
            os.kill(worker, 0)
            run = self.kept(words[0], question["jobId"], *words[1:])
            self.assertEqual(run.returncode, 0, run.stderr)
            until(lambda: not pathlib.Path(f"/proc/{worker}/cmdline").exists()
                  or not pathlib.Path(f"/proc/{worker}/cmdline").read_bytes(), "the end of what the killed run has left")
            self.assertEqual(self.document("show", question["jobId"])["state"], state)
            shutil.rmtree(self.folder / "o")
        self.assertEqual(self.kept("audit", "verify").returncode, 0)


class FullDisk(Kept):
    def limited(self, size, *words):
        """With a limit on the size of files: to whoever writes, the disk is full there. As root permissions say nothing.
        TSan's runtime writes a temporary file before main() has begun, and goes without one where it has no folder for it."""
        return subprocess.run([HOLDFAST, "--config", "holdfast.toml", *map(str, words)], cwd=self.folder,
                              env={**self.environment, "TMPDIR": "/nonexistent"},
                              text=True, capture_output=True, timeout=60, check=False, stdin=subprocess.DEVNULL,
                              preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)))

    def test_what_cannot_be_recorded_does_not_happen_and_what_was_is_kept(self):
        job = self.slow_providers("true")
        self.assertEqual(self.kept("run", job, "--json", "--out", "o1").returncode, 0)
        before = self.kept("audit", "export").stdout
        size = self.database().stat().st_size
        # Near its size the file may have free pages, and then there is room enough.
        for limit in (0, 512, 4096, 8192, size // 2):
            with self.subTest(limit):
                run = self.limited(limit, "run", job, "--plain", "--out", f"o2-{limit}")
                self.assertEqual(run.returncode, 5, run.stdout + run.stderr)
                # What comes first when nothing at all can be written is the job's folder.
                self.assertIn("holdfast.db" if limit else f"o2-{limit}/.holdfast", run.stdout)
                self.assertIn("It is not on the record", run.stdout)
                self.assertFalse((self.folder / f"o2-{limit}/text.txt").exists(), "no lock, no call")
                self.assertEqual(self.kept("audit", "verify").returncode, 0)
                self.assertEqual(self.kept("audit", "export").stdout, before)
        self.assertEqual(self.kept("run", job, "--plain", "--out", "o3").returncode, 0, "the disk has room again")
        self.assertTrue(set(before.splitlines()[:-1]) <= set(self.kept("audit", "export").stdout.splitlines()))


class Record(Kept):
    def tamper(self, *statements):
        """Somebody with the sqlite3 shell, who takes the guards away first."""
        with sqlite3.connect(self.database()) as database:
            for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                database.execute(f"DROP TRIGGER {name}")
            for statement in statements:
                self.assertGreater(database.execute(statement).rowcount, 0, statement)

    def test_each_way_of_tampering_is_found_and_named(self):
        job = self.slow_providers()
        run = self.kept("run", job, "--json", "--out", "o", "--consent", "stall after 0s: switch to Quick")
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertEqual(self.kept("audit", "verify").returncode, 0)
        whole = tempfile.NamedTemporaryFile()
        shutil.copy(self.database(), whole.name)
        for statement, named in (
                ("UPDATE audit SET data = replace(data, 'Quick', 'Quack') WHERE kind = 'fallback.decided'", r"hash"),
                ("UPDATE audit SET time = time + 1 WHERE seq = 2", r"record 2"),
                ("DELETE FROM audit WHERE seq = 3", r"record [34]"),
                ("DELETE FROM audit WHERE seq = (SELECT max(seq) FROM audit)", r"count"),
                ("UPDATE decisions SET to_provider = 'Quack'", r"toProvider"),
                ("DELETE FROM answers", r"answer"),
                ("UPDATE locks SET provider = 'Quack' WHERE state <> 'active'", r"providerName")):
            with self.subTest(statement):
                shutil.copy(whole.name, self.database())
                self.tamper(statement)
                run = self.kept("audit", "verify")
                self.assertEqual(run.returncode, 1, run.stdout)
                self.assertRegex(run.stdout, named)
                self.assertRegex(run.stdout, r"job stalling-\w+")

    def test_an_export_is_checked_by_itself(self):
        job = self.slow_providers("true")
        self.assertEqual(self.kept("run", job, "--json", "--out", "o").returncode, 0)
        exported = self.kept("audit", "export").stdout
        trail = self.write("trail.jsonl", exported)
        self.assertEqual(self.kept("audit", "verify", "--file", trail).returncode, 0)
        lines = exported.splitlines(keepends=True)
        for broken in ("".join(lines[:-2]), "".join(lines[:2] + lines[3:]), exported.replace("Slow", "Quick", 1)):
            trail.write_text(broken)
            run = self.kept("audit", "verify", "--file", trail)
            self.assertEqual(run.returncode, 1, run.stdout)

    def test_prune_takes_old_jobs_and_leaves_their_record(self):
        job = self.slow_providers("true")
        self.assertEqual(self.kept("run", job, "--json", "--out", "o").returncode, 0)
        self.assertEqual(self.document("prune", "--closed-before", "90d")["jobs"], 0)
        self.assertEqual(self.document("prune", "--closed-before", "0s")["jobs"], 1)
        self.assertEqual(self.document("jobs")["jobs"], [])
        self.assertEqual(self.kept("audit", "verify").returncode, 0)
        self.assertGreater(len(self.kept("audit", "export").stdout.splitlines()), 5)
        bad = self.kept("prune", "--closed-before", "soon")
        self.assertEqual(bad.returncode, 2)
        self.assertIn("soon", bad.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
