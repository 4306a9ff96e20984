"""What the end-to-end tests share: the executable in a folder of its own, as a plain process or in a real terminal."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time
import unittest

HOLDFAST = os.environ["HOLDFAST"]
WAIT_S = 40  # a condition that has not come by then never will


def until(condition, what):
    """Waits for a condition; fails with what was waited for."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"never came: {what() if callable(what) else what}")


class Bench(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="holdfast-e2e-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.environment = {**os.environ, "XDG_CONFIG_HOME": str(self.folder / "config"),
                            "XDG_STATE_HOME": str(self.folder / "state"), "LC_ALL": "C.UTF-8"}
        for name in ("HOLDFAST_CONFIG", "HOLDFAST_STORE", "HOLDFAST_URL", "HOLDFAST_TOKEN", "NO_COLOR"):
            self.environment.pop(name, None)

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def holdfast(self, *words, **options):
        return subprocess.run([HOLDFAST, *map(str, words)], cwd=self.folder, env=self.environment, text=True,
                              capture_output=True, timeout=WAIT_S * 2, check=False, stdin=subprocess.DEVNULL, **options)

    def start(self, *words):
        child = subprocess.Popen([HOLDFAST, *map(str, words)], cwd=self.folder, env=self.environment, text=True,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
        self.addCleanup(child.kill)
        return child

    def terminal(self, *words, width=100, height=34):
        return Terminal(self, words, width, height)

    def lines_of_json(self, text):
        return [json.loads(line) for line in text.splitlines()]

    def slow_providers(self, script="sleep 600", threshold_ms=1000):
        """A provider that goes silent, one that is quick, and thresholds of a second."""
        self.write("profiles.json", json.dumps({"profiles": {"cloud_llm": {
            "normalThresholdMs": 400, "extendedThresholdMs": 100000, "deepWaitThresholdMs": 200000,
            "heartbeatIntervalMs": threshold_ms, "stallSuspicionMultiplier": 1}}}))
        self.write("holdfast.toml", f'''
profiles = "profiles.json"
[[providers]]
name = "Slow"
protocol = "command"
type = "cloud_llm"
kinds = ["text"]
progress = "lines"
command = ["sh", "-c", {json.dumps("echo one; " + script + "; echo two")}]
[[providers]]
name = "Quick"
protocol = "command"
type = "cloud_llm"
kinds = ["text"]
progress = "lines"
command = ["echo", "quick"]
''')
        return self.write("job.toml", '''
[job]
name = "stalling"
[[stages]]
name = "writing"
kind = "text"
provider = "Slow"
prompt = "unused"
output = "text.txt"
''')


class Terminal:
    """A real terminal, by tmux."""

    def __init__(self, test, words, width, height):
        self.test = test
        self.socket = str(test.folder / "tmux")
        self.tmux("new-session", "-d", "-x", str(width), "-y", str(height), "-s", "t", "env", "PS1=$ ", "sh")
        test.addCleanup(lambda: subprocess.run(["tmux", "-S", self.socket, "kill-server"], capture_output=True, check=False))
        command = " ".join("'" + str(word) + "'" for word in (HOLDFAST, *words))
        self.keys(f"cd '{test.folder}'; clear; {command}; echo \"exit status $?\"", "Enter")

    def tmux(self, *words):
        return subprocess.run(["tmux", "-S", self.socket, *words], check=True, capture_output=True, text=True,
                              env=self.test.environment).stdout

    def keys(self, *keys):
        for key in keys:
            self.tmux("send-keys", "-t", "t", key)

    def screen(self):
        return self.tmux("capture-pane", "-p", "-t", "t")

    def shows(self, pattern):
        return until(lambda: re.search(pattern, self.screen()) and self.screen(),
                     lambda: f"{pattern!r} on the screen:\n{self.screen()}")

    def press(self, key, pattern):
        """Presses a key until the screen says so: a question that has just come up takes none for a moment."""
        def pressed():
            self.keys(key)
            for _ in range(20):
                if re.search(pattern, self.screen()):
                    return self.screen()
                time.sleep(0.05)
            return None
        return until(pressed, lambda: f"{pattern!r} after {key} on the screen:\n{self.screen()}")

    def exit_status(self):
        screen = self.shows(r"exit status \d+")
        return int(re.search(r"exit status (\d+)", screen).group(1))
