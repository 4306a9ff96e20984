#!/usr/bin/env python3
"""The real program, killed at every moment that matters, and what is left of it.

Whatever it said on stdout was acknowledged: each lock, answer, decision and finished stage must be found again, the
trail must verify, and the job must go on to its end without repeating what was finished.

usage: HOLDFAST=path/to/holdfast KILL_AT=path/to/libkill_at.so crash_test.py [--every N]

Every Nth call of a kind is a moment (4); `--every 1` tries each. Renames, which are few, are tried all.
"""
import collections
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HOLDFAST = os.environ["HOLDFAST"]
SHIM = os.environ["KILL_AT"]

JOB = """
[job]
name = "crash"
[[stages]]
name = "list"
kind = "text"
provider = "Lister"
prompt = "unused"
output = "list.json"
[[stages]]
name = "each"
kind = "text"
provider = "Maker"
for_each = "${stages.list}"
parallel = 3
prompt = "${item}"
output = "item-${index}.txt"
[[stages]]
name = "slow"
kind = "text"
provider = "Slow"
prompt = "unused"
output = "slow.txt"
"""

ITEMS = list("abcdefghij")

PROFILES = {"profiles": {"cloud_llm": {"normalThresholdMs": 50, "extendedThresholdMs": 100000, "deepWaitThresholdMs": 200000,
                                       "heartbeatIntervalMs": 100, "stallSuspicionMultiplier": 1}}}


def provider(name, script, progress="lines"):
    return (f'[[providers]]\nname = "{name}"\nprotocol = "command"\ntype = "cloud_llm"\nkinds = ["text"]\n'
            f'progress = "{progress}"\ncommand = ["sh", "-c", {json.dumps(script)}, "sh", "${{input}}", "${{output}}"]\n')


class Moment:
    """One run in a folder of its own, killed at one moment, looked at, and resumed."""

    def __init__(self, root, kill_at):
        self.folder = root / kill_at.replace(":", "-")
        self.folder.mkdir()
        self.kill_at = kill_at
        self.environment = {**os.environ, "XDG_STATE_HOME": str(self.folder / "state"), "XDG_CONFIG_HOME": str(self.folder),
                            "LC_ALL": "C.UTF-8"}
        self.environment.pop("XDG_RUNTIME_DIR", None)
        calls = self.folder / "calls"
        (self.folder / "profiles.json").write_text(json.dumps(PROFILES))
        (self.folder / "answer.sh").write_text(
            "#!/bin/sh\noperation=$(sed 's/.*\"operationId\": \"\\([^\"]*\\)\".*/\\1/')\n"
            f"'{HOLDFAST}' --config '{self.folder}/holdfast.toml' answer \"$operation\" try_again\n")
        (self.folder / "answer.sh").chmod(0o755)
        (self.folder / "holdfast.toml").write_text(
            'profiles = "profiles.json"\n[notify]\ncommand = ["' + str(self.folder / "answer.sh") + '"]\n'
            + provider("Lister", f"echo list >> {calls}; echo '" + json.dumps(ITEMS) + "' > \"$2\"")
            + provider("Maker", f"echo item $1 >> {calls}; echo made $1 > \"$2\"")
            + provider("Slow", "sleep 600")
            + provider("Quick", f"echo slow >> {calls}; echo quick > \"$2\""))
        (self.folder / "job.toml").write_text(JOB)

    def command(self, *words):
        return [HOLDFAST, "--config", str(self.folder / "holdfast.toml"), *words]

    def run(self, *words, kill=False, check=None):
        environment = dict(self.environment)
        if kill:
            environment |= {"LD_PRELOAD": SHIM, "HOLDFAST_KILL_AT": self.kill_at,
                            "HOLDFAST_KILL_IN": pathlib.Path(HOLDFAST).name}
        done = subprocess.run(self.command(*words), cwd=self.folder, env=environment, text=True, capture_output=True,
                              timeout=60, stdin=subprocess.DEVNULL, check=False)
        if check is not None and done.returncode != check:
            raise AssertionError(f"{' '.join(words)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done

    def lines(self, text):
        """Whole lines only: one that was cut off was not said."""
        return [json.loads(line) for line in text.split("\n")[:-1] if line]

    def go(self):
        """True where it was killed; what was found wrong is raised."""
        run = self.run("run", "job.toml", "--json", "--out", "o", "--consent", "stall after 0s: switch to Quick", kill=True)
        killed = run.returncode == -signal.SIGKILL
        if not killed and run.returncode != 0:
            raise AssertionError(f"ended with {run.returncode}:\n{run.stdout}{run.stderr}")
        said = self.lines(run.stdout)
        phase = self.phase(said) if killed else "not killed"
        listed = self.run("jobs", "--json")
        if listed.returncode == 2 and "it is empty" in listed.stderr:  # killed while it made the file
            assert not said, "what was acknowledged is gone"
            self.run("run", "job.toml", "--json", "--out", "again", "--consent", "stall after 0s: switch to Quick", check=0)
            return phase
        assert listed.returncode == 0, listed.stderr
        jobs = json.loads(listed.stdout)["jobs"]
        if said:
            assert jobs and jobs[0]["jobId"] == said[0]["jobId"], "an acknowledged job is not in the store"
        if jobs:
            self.check_kept(said, jobs[0])
        self.run("audit", "verify", check=0)
        if killed and jobs and jobs[0]["state"] != "done":
            self.resume(jobs[0]["jobId"], said)
        return phase

    def check_kept(self, said, job):
        locks = {(lock["providerName"], tuple(lock["stages"]), lock["lockedAt"]) for lock in job["locks"]}
        for line in said:
            data = line["data"]
            if line["event"] == "lock.created":
                assert (data["providerName"], tuple(data["stages"]), data["lockedAt"]) in locks, f"lost lock: {line}"
            if line["event"] == "stage.finished" and data["finished"]:
                stage = next(each for each in job["stages"] if each["stageName"] == data["stageName"])
                assert stage["state"] == "done", f"lost stage: {line}"
        decisions = json.loads(self.run("history", job["jobId"], "--json", check=0).stdout)["decisions"]
        trail = self.lines(self.run("audit", "show", job["jobId"], "--json", check=0).stdout)
        for line in said:
            if line["event"] == "fallback.decided":
                assert line["data"] in decisions, f"lost decision: {line}"
            if line["event"] in ("question.answered", "consent.given", "consent.applied"):
                # On the record the operation is a part of what is said of it.
                said_of_it = line["data"] | ({"operationId": line["operationId"]} if line["operationId"] else {})
                assert any((record["kind"], record["data"]) == (line["event"], said_of_it) for record in trail), \
                    f"lost record: {line}"

    def resume(self, job_id, said):
        resumed = self.run("run", "job.toml", "--resume", job_id, "--json", "--consent", "stall after 0s: switch to Quick",
                           check=0)
        assert (self.folder / "o/slow.txt").read_text() == "quick\n"
        for number, item in enumerate(ITEMS, 1):
            assert (self.folder / f"o/item-{number:02}.txt").read_text() == f"made {item}\n"
        finished = {(line["data"]["stageName"], tuple(line["data"]["artifacts"])) for line in said
                    if line["event"] == "stage.finished"}
        again = {(line["data"]["stageName"], tuple(line["data"]["artifacts"])) for line in self.lines(resumed.stdout)
                 if line["event"] == "stage.finished"}
        assert not finished & again, f"repeated what was finished: {finished & again}"
        self.run("audit", "verify", check=0)
        job = json.loads(self.run("show", job_id, "--json", check=0).stdout)
        assert job["state"] == "done" and all(each["state"] == "done" for each in job["stages"]), job

    def phase(self, said):
        names = [line["event"] for line in said]
        if self.kill_at.startswith("say:"):
            return "between save and acknowledgement"
        if self.kill_at.startswith("rename") and self.kill_at.endswith("after"):
            return "between rename and save"
        if "lock.created" not in names:
            return "before the first lock"
        if names.count("question.opened") > names.count("question.closed"):
            return "during a question"
        return "during a stage"


def moments(every):
    """Every kind of moment, counted up until the program reaches its end unharmed."""
    for call in ("rename", "say", "fdatasync", "ftruncate", "fsync"):
        for when in ("before", "after"):
            for number in range(1, 1000, 1 if call == "rename" else every):
                if (yield f"{call}:{number}:{when}") == "not killed":
                    break


def timed(root, counts, wanted):
    """Killed from outside while the question is open: no call of the program's own marks that moment."""
    for number in range(wanted):
        moment = Moment(root, f"question:{number}:open")
        child = subprocess.Popen(moment.command("run", "job.toml", "--json", "--out", "o"), cwd=moment.folder,
                                 env=moment.environment, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
        said = []
        for line in child.stdout:
            said.append(json.loads(line))
            if said[-1]["event"] == "question.opened":
                break
        time.sleep(number * 0.004)  # somewhere in it: the moment is the test's variable, not its condition
        child.kill()
        rest, _ = child.communicate()
        said += moment.lines(rest)
        job = json.loads(moment.run("jobs", "--json", check=0).stdout)["jobs"][0]
        assert job["state"] == "interrupted", job
        moment.check_kept(said, job)
        moment.run("audit", "verify", check=0)
        moment.resume(job["jobId"], said)
        counts["during a question"] += 1
        shutil.rmtree(moment.folder)


def main():
    every = int(sys.argv[sys.argv.index("--every") + 1]) if "--every" in sys.argv else 4
    root = pathlib.Path(tempfile.mkdtemp(prefix="holdfast-crash-"))
    counts = collections.Counter()
    timed(root, counts, 12)
    walk = moments(every)
    kill_at = next(walk)
    try:
        while True:
            moment = Moment(root, kill_at)
            try:
                phase = moment.go()
            except Exception:
                print(f"killed at {kill_at}, kept in {moment.folder}", file=sys.stderr)
                raise
            if phase != "not killed":
                counts[phase] += 1
            shutil.rmtree(moment.folder)
            kill_at = walk.send(phase)
    except StopIteration:
        pass
    shutil.rmtree(root, ignore_errors=True)
    for phase, count in sorted(counts.items()):
        print(f"{count:5} killed {phase}")
    print(f"{sum(counts.values())} kills, nothing acknowledged was lost, every job went on to its end")
    few = [phase for phase in ("before the first lock", "between save and acknowledgement", "during a stage",
                               "between rename and save", "during a question") if counts[phase] < 10]
    if few:
        print("fewer than ten: " + ", ".join(few), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
