"""What the tests of `holdfast serve` share: a daemon in a folder of its own, a scripted provider, and plain sockets."""
import http.client
import itertools
import json
import pathlib
import re
import select
import signal
import socket
import subprocess
import sys
import urllib.parse

from bench import HOLDFAST, Bench, until

FAKE = pathlib.Path(__file__).resolve().parent.parent / "fake_provider" / "fake_provider.py"
PROFILES = {"profiles": {"quick_ask": {"normalThresholdMs": 400, "extendedThresholdMs": 500, "deepWaitThresholdMs": 600,
                                       "heartbeatIntervalMs": 300, "stallSuspicionMultiplier": 2,
                                       "firstProgressThresholdMs": 600}}}
ANSWER_S = 30  # longer than anything here takes
# A sanitizer's memory is its own; what a build takes with one says nothing.
SANITIZED = any(word in pathlib.Path(HOLDFAST).read_bytes() for word in (b"__asan_init", b"__tsan_init"))
numbers = itertools.count(1)


class Wire:
    """One connection, by its bytes."""

    def __init__(self, test, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=ANSWER_S)
        test.addCleanup(self.socket.close)
        self.buffer = b""

    def send(self, data):
        self.socket.sendall(data)
        return self

    def ask(self, path, body=None, headers=(), method=None):
        data = b"" if body is None else json.dumps(body).encode()
        fields = {"Host": "127.0.0.1", "Content-Length": str(len(data)), "Content-Type": "application/json", **dict(headers)}
        lines = [f"{method or ('GET' if body is None else 'POST')} {path} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in fields.items() if value is not None]
        return self.send("\r\n".join(lines).encode() + b"\r\n\r\n" + data)

    def more(self):
        data = self.socket.recv(65536)
        self.buffer += data
        return bool(data)

    def head(self):
        """Status and fields of the answer, names in lower case."""
        while b"\r\n\r\n" not in self.buffer:
            if not self.more():
                raise ConnectionError(f"closed before a head: {self.buffer!r}")
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        return int(lines[0].split(" ")[1]), dict((name.lower(), value.strip()) for name, _, value in
                                                 (line.partition(":") for line in lines[1:]))

    def until(self, pattern):
        """Reads until that stands in what came."""
        while not re.search(pattern, self.buffer):
            if not self.more():
                raise ConnectionError(f"closed before {pattern!r}: {self.buffer[-2000:]!r}")
        return self.buffer

    def rest(self):
        """All that comes until the connection's end."""
        try:
            while self.more():
                pass
        except ConnectionResetError:
            self.buffer += b"<reset>"
        return self.buffer

    def silent(self):
        return not select.select([self.socket], [], [], 0)[0]


class Answer:
    """An answer as an HTTP client sees it; `cut` where it ended in the middle."""

    def __init__(self, response):
        self.status, self.cut = response.status, False
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        try:
            self.body = response.read()
        except (http.client.IncompleteRead, ConnectionResetError) as broken:
            self.body, self.cut = getattr(broken, "partial", b""), True

    def json(self):
        return json.loads(self.body)


class Serving(Bench):
    """A fake provider and a daemon for each test. More of the configuration: `configuration`."""
    configuration = ""
    credentials = {}  # of requests to the control API

    def setUp(self):
        super().setUp()
        self.environment.update(FAKE_KEY="sk-of-the-provider", XDG_RUNTIME_DIR=str(self.folder))
        fake = subprocess.Popen([sys.executable, FAKE, "--end-with-stdin"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                text=True)
        self.addCleanup(lambda: (fake.stdin.close(), fake.wait(10), fake.stdout.close()))
        self.fake_port = int(re.search(r":(\d+)$", fake.stdout.readline()).group(1))
        self.write("profiles.json", json.dumps(PROFILES))
        self.write("holdfast.toml", 'store = "sqlite:holdfast.db"\nprofiles = "profiles.json"\n'
                   + self.provider("OpenAI", "openai", "first/v1") + self.provider("Anthropic", "anthropic", "first")
                   + self.provider("Ollama", "ollama", "first", key=False)
                   + self.provider("Slow", "openai", "slow/v1", "quick_ask")
                   + self.provider("Quick", "openai", "quick/v1", "quick_ask")
                   + '[[providers]]\nname = "Nobody"\nprotocol = "openai"\nbase_url = "http://127.0.0.1:1/v1"\n'
                   + self.configuration)
        self.daemon = None
        self.serve()

    def provider(self, name, protocol, path, kind="cloud_llm", key=True):
        return (f'[[providers]]\nname = "{name}"\nprotocol = "{protocol}"\ntype = "{kind}"\n'
                f'base_url = "http://127.0.0.1:{self.fake_port}/p/{path}"\n' + ('api_key_env = "FAKE_KEY"\n' if key else ""))

    def serve(self, *words, **options):
        errors = open(self.folder / "errors.txt", "ab")
        self.addCleanup(errors.close)
        self.daemon = subprocess.Popen([HOLDFAST, "--config", "holdfast.toml", "serve", "--listen", "127.0.0.1:0", *words],
                                       cwd=self.folder, env=self.environment, stdout=subprocess.PIPE, stderr=errors, text=True,
                                       stdin=subprocess.DEVNULL, **options)
        self.addCleanup(self.end)
        line = self.daemon.stdout.readline()
        found = re.fullmatch(r"listening on http://127\.0\.0\.1:(\d+)\n", line)
        self.assertTrue(found, line + (self.folder / "errors.txt").read_text())
        self.port = int(found.group(1))

    def end(self):
        self.daemon.kill()
        self.daemon.wait()
        self.daemon.stdout.close()

    def alive(self):
        self.assertIsNone(self.daemon.poll(), (self.folder / "errors.txt").read_text()[-4000:])
        self.assertEqual(self.get("/holdfast/v1/health/live").status, 200)

    def wire(self):
        return Wire(self, self.port)

    def http(self, method, path, body=None, headers=(), port=None):
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=ANSWER_S)
        try:
            connection.request(method, path, body if body is None or isinstance(body, bytes) else json.dumps(body),
                               {"Content-Type": "application/json", **dict(headers)})
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def get(self, path, headers=()):
        return self.http("GET", path, headers=headers)

    def control(self, method, path, body=None, headers=()):
        return self.http(method, "/holdfast/v1" + path, body, {**self.credentials, **dict(headers)})

    def takes_less(self, kib):
        """What the daemon holds in memory now."""
        resident = re.search(r"VmRSS:\s+(\d+) kB", pathlib.Path(f"/proc/{self.daemon.pid}/status").read_text()).group(1)
        self.assertTrue(SANITIZED or int(resident) < kib, f"{resident} KiB, and not less than {kib}")

    def operations(self, job):
        answer = self.control("GET", f"/operations?job={job}")
        return answer.json()["operations"] if answer.status == 200 else []

    def audit(self, job, kind):
        """The data of a job's records of one kind."""
        answer = self.control("GET", f"/audit?job={job}")
        return [each["data"] for each in answer.json()["records"] if each["kind"] == kind] if answer.status == 200 else []

    def ended(self, job, outcome):
        """Waits until the job's operation has ended so, by its record."""
        until(lambda: [each["outcome"] for each in self.audit(job, "operation.ended")][-1:] == [outcome],
              lambda: f"{job} {outcome}: {self.audit(job, 'operation.ended')}")

    def question(self, job):
        return until(lambda: next((each for each in self.operations(job) if each["question"]), None), f"a question of {job}")

    def script(self, words=""):
        """A model's name that no other request has."""
        return f"script:{words}{',' if words else ''}tag=t{next(numbers)}"

    def log(self, model):
        return self.http("GET", "/_control/log?model=" + urllib.parse.quote(model), port=self.fake_port).json()["requests"]

    def reaches(self, model, state):
        return until(lambda: next((each for each in self.log(model)[-1:] if each["state"] == state), None),
                     lambda: f"{model} {state}: {self.log(model)}")

    def resume(self, model):
        said = self.http("POST", "/_control/resume?model=" + urllib.parse.quote(model), port=self.fake_port).json()
        self.assertEqual(said, {"resumed": 1})

    def stop(self, *signals):
        for each in signals or (signal.SIGTERM,):
            self.daemon.send_signal(each)
        return self.daemon.wait(ANSWER_S)


CHAT, MESSAGES, OLLAMA, SPEECH = "/v1/chat/completions", "/v1/messages", "/api/chat", "/v1/audio/speech"


def asked(path, model, stream=True, text="hi"):
    """A request of that path's dialect."""
    said = [{"role": "user", "content": text}]
    return {CHAT: {"model": model, "messages": said, "stream": stream},
            MESSAGES: {"model": model, "messages": said, "max_tokens": 9, "stream": stream},
            OLLAMA: {"model": model, "messages": said, "stream": stream},
            SPEECH: {"model": model, "input": text, "voice": "alloy"}}[path]


def unchunked(data):
    """The body that whole chunks make up; fails where a chunk is not as long as it says."""
    body = b""
    while True:
        size, _, rest = data.partition(b"\r\n")
        length = int(size, 16)
        chunk, end, data = rest[:length], rest[length:length + 2], rest[length + 2:]
        assert end == b"\r\n", rest[:length + 20]
        body += chunk
        if length == 0:
            assert not data, data
            return body
