#!/usr/bin/env python3
"""A provider for tests: OpenAI's, Anthropic's and Ollama's dialects, answers that follow from the request alone, and
behaviour that is scripted by the model's name. README.md says what it can be told.

usage: fake_provider.py [--port N] [--host ADDRESS] [--end-with-stdin]
"""
import argparse
import asyncio
import hashlib
import json
import socket
import sys
import time
import urllib.parse

import anthropic
import ollama
import openai
from answer import Answer, encoded
from http11 import Bad, Connection, Gone
from plan import Plan
from script import Wrong, read

PIECE = 64 * 1024
LOG_MAX = 10_000  # requests that are remembered; a test asks for far fewer


class Entry:
    """What is remembered of one request."""

    def __init__(self, number, connection, request, began):
        self.request = request
        self.began = began
        self.resumed = asyncio.Event()
        self.said = {"id": number, "connection": connection, "method": request.method, "path": request.target,
                     "headers": {}, "bodySha256": hashlib.sha256(request.body).hexdigest(), "bodyBytes": len(request.body),
                     "model": "", "provider": "", "status": None, "state": "reading", "bytesSent": 0, "atMs": self.now(),
                     "disconnected": False, "disconnectedMs": None, "endedMs": None}
        for name, value in request.headers:
            self.said["headers"].setdefault(name.lower(), value)

    def now(self):
        return round((time.monotonic() - self.began) * 1000)


class Provider:
    def __init__(self):
        self.began = time.monotonic()
        self.log = []
        self.connections = 0
        self.failures = {}  # how often a scripted error was given, by the request's body

    async def serve(self, listener):
        loop = asyncio.get_running_loop()
        tasks = set()
        while True:
            sock, _ = await loop.sock_accept(listener)
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections += 1
            task = asyncio.create_task(self.connection(Connection(sock), self.connections))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    async def connection(self, connection, number):
        try:
            while not connection.closed:
                request = await connection.read()
                if request.target.startswith("/_control/"):
                    await self.control(connection, request)
                elif not await self.request(connection, request, number):
                    return
        except Gone:
            pass
        except (Bad, ValueError) as wrong:
            try:
                await connection.send(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
            except Gone:
                pass
            print(f"fake_provider: {wrong}", file=sys.stderr)
        finally:
            connection.close()

    async def control(self, connection, request):
        url = urllib.parse.urlsplit(request.target)
        query = {key: values[-1] for key, values in urllib.parse.parse_qs(url.query).items()}
        chosen = [each for each in self.log if all(query.get(key, each.said[key]) == each.said[key]
                                                   for key in ("model", "provider", "path", "state"))]
        status, said = 200, {}
        if (request.method, url.path) == ("GET", "/_control/log"):
            said = {"nowMs": round((time.monotonic() - self.began) * 1000), "requests": [each.said for each in chosen]}
        elif (request.method, url.path) == ("POST", "/_control/resume"):
            stalled = [each for each in chosen if each.said["state"] == "stalled"]
            for each in stalled:
                each.resumed.set()
            said = {"resumed": len(stalled)}
        elif (request.method, url.path) == ("POST", "/_control/reset"):
            self.log.clear()
            self.failures.clear()
        else:
            status, said = 404, {"error": "no such control"}
        await connection.send(Plan(Answer(encoded(said), status=status), read("")).steps[0][1])

    def answer_to(self, entry):
        """The answer, and the script by which it is given."""
        request, said = entry.request, entry.said
        path = urllib.parse.unquote(urllib.parse.urlsplit(request.target).path)
        if path.startswith("/p/"):
            _, _, said["provider"], path = (path + "/").split("/", 3)
            path = "/" + path.rstrip("/")
        dialect = ollama
        if path.startswith("/v1/"):
            path = path[len("/v1"):]
            is_anthropic = path.startswith("/messages") or request.header("anthropic-version")
            dialect = anthropic if is_anthropic else openai
        elif not path.startswith("/api/") and path != "/":  # a base address that ends in no /v1
            dialect = openai
        try:
            body = json.loads(request.body) if request.body else {}
        except ValueError as wrong:
            return dialect.fault(400, f"the body is no JSON: {wrong}"), read("")
        said["model"] = str(body.get("model", "")) or path.removeprefix("/models/") * path.startswith("/models/")
        try:
            script = read(said["model"], said["provider"])
        except Wrong as wrong:
            return dialect.fault(400, str(wrong)), read("")
        if script.error and self.fails(said["bodySha256"], script):
            fault = dialect.fault(script.error, f"scripted status {script.error}", "scripted")
            fault.headers = [(name, value) for name, value in (("Retry-After", script.retry_after),
                                                               ("x-should-retry", script.should_retry)) if value]
            return fault, read(f"script:headers={script.headers}")
        try:
            answer = dialect.answer(request.method, path, body, script, model_name=said["model"])
        except (AttributeError, KeyError, TypeError, IndexError) as wrong:
            return dialect.fault(400, f"not understood: {wrong!r}"), read("")
        return answer or dialect.fault(404, f"no such path: {request.method} {path}"), script

    def fails(self, key, script):
        self.failures[key] = self.failures.get(key, 0) + 1
        return script.times == 0 or self.failures[key] <= script.times

    async def request(self, connection, request, number):
        """Answers one request; whether the connection can take another."""
        entry = Entry(len(self.log) + 1, number, request, self.began)
        self.log.append(entry)
        del self.log[:-LOG_MAX]
        answer, script = self.answer_to(entry)
        entry.said["status"] = answer.status
        plan = Plan(answer, script, head_only=request.method == "HEAD")
        perform = asyncio.create_task(self.perform(connection, entry, plan))
        watch = asyncio.create_task(connection.watch())
        await asyncio.wait({perform, watch}, return_when=asyncio.FIRST_COMPLETED)
        left = not perform.done()  # the caller has gone in the middle
        perform.cancel()
        watch.cancel()
        ended, _ = await asyncio.gather(perform, watch, return_exceptions=True)
        entry.said["endedMs"] = entry.now()
        if left or isinstance(ended, Gone):
            entry.said.update(state="left", disconnected=True, disconnectedMs=entry.now())
            return False
        if isinstance(ended, BaseException):
            raise ended
        if ended == "reset":
            connection.reset()
        return plan.keeps and ended == "" and (request.header("connection") or "").lower() != "close"

    async def perform(self, connection, entry, plan):
        """Carries out the steps; returns what becomes of the connection: reset, close or nothing."""
        for step in plan.steps:
            if step[0] == "send":
                entry.said["state"] = "answering"
                for begin in range(0, len(step[1]), PIECE):  # so that the log tells how far it came
                    piece = step[1][begin:begin + PIECE]
                    await connection.send(piece)
                    entry.said["bytesSent"] += len(piece)
            elif step[0] == "wait":
                entry.said["state"] = "waiting"
                await self.wait(connection, plan, step[1], step[2])
            elif step[0] == "stall":
                entry.said["state"] = "stalled"
                await self.stall(connection, entry, plan, step)
            elif step[0] == "deaf":
                entry.said["state"] = "deaf"
                await asyncio.Event().wait()
        ending = plan.steps[-1][0] if plan.steps[-1][0] in ("reset", "close") else ""
        entry.said["state"] = "cut" if plan.cuts else "done"
        return ending

    async def wait(self, connection, plan, seconds, alive):
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            await asyncio.sleep(min(left, plan.script.alive_gap) if alive else left)
            if alive and time.monotonic() < until:
                await connection.send(plan.framed(alive))

    async def stall(self, connection, entry, plan, step):
        """Until it is told to go on; for ever where the script has no going on."""
        while not (step[2] and entry.resumed.is_set()):
            try:
                await asyncio.wait_for(entry.resumed.wait() if step[2] else asyncio.Event().wait(),
                                       plan.script.alive_gap if step[1] else None)
            except asyncio.TimeoutError:
                await connection.send(plan.framed(step[1]))
        entry.resumed.clear()


async def main():
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("--host", default="127.0.0.1")
    words.add_argument("--port", type=int, default=0)
    words.add_argument("--end-with-stdin", action="store_true", help="ends when its standard input does")
    said = words.parse_args()
    listener = socket.create_server((said.host, said.port), backlog=1024)
    listener.setblocking(False)
    print(f"listening on http://{said.host}:{listener.getsockname()[1]}", flush=True)
    serving = asyncio.create_task(Provider().serve(listener))
    if said.end_with_stdin:
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        serving.cancel()
        return
    await serving


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        pass
