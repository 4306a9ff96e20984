"""An answer and a script become steps, in order: what is sent when, and where it stops.

Steps: ("wait", seconds, alive bytes or b""), ("send", bytes), ("stall", alive bytes, resumable), ("reset",), ("close",),
("deaf",). A step list ends the request; whether the connection can be used again follows from its last step.
"""
from answer import Frame

REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 409: "Conflict",
           429: "Too Many Requests", 500: "Internal Server Error", 503: "Service Unavailable"}


class Plan:
    def __init__(self, answer, script, *, head_only=False):
        self.answer, self.script = answer, script
        self.steps = []
        self.keeps = True  # the connection, for the next request
        self.cuts = False
        self.streams = answer.frames is not None
        self.encoding = script.encoding or ("chunked" if self.streams else "length")
        self.alive = {"comment": answer.comment, "ping": answer.ping}.get(script.alive, b"")
        self._make(head_only)

    def _head(self, length):
        fields = [("Content-Type", self.answer.content_type), *self.answer.headers]
        if self.encoding == "length":
            fields.append(("Content-Length", str(length)))
        elif self.encoding == "chunked":
            fields.append(("Transfer-Encoding", "chunked"))
        else:
            fields.append(("Connection", "close"))
            self.keeps = False
        lines = [f"HTTP/1.1 {self.answer.status} {REASONS.get(self.answer.status, 'Status')}"]
        return ("\r\n".join([*lines, *(f"{name}: {value}" for name, value in fields)]) + "\r\n\r\n").encode()

    def _make(self, head_only):
        script = self.script
        frames = self._frames()
        length = sum(len(frame.data) for frame in frames)
        if head_only:
            self.steps.append(("send", self._head(length)))
            return
        self._wait(script.headers, b"")
        if self._stops("headers"):
            return
        if not self.streams and not script.early:
            self._everything_at_once(frames, length)
            return
        self._send(self._head(length))
        self._body(frames)

    def _frames(self):
        script = self.script
        if script.empty:
            return []
        frames = self.answer.frames
        if frames is None:  # a document, in pieces where its script wants to stop in the middle of it
            document, count = self.answer.document, script.chunks if self._paced() else 1
            size = max(1, -(-len(document) // max(1, count)))
            frames = [Frame("content", document[i:i + size]) for i in range(0, len(document), size)]
        return [frame for frame in frames if frame.kind != "tail"] if script.noend else frames

    def _paced(self):
        script = self.script
        return bool(script.early or script.gap or script.cut or script.halfopen or script.drip)

    def _everything_at_once(self, frames, length):
        """A document is sent when it is ready; until then nothing is heard, not even the headers."""
        script = self.script
        self._wait(script.first + script.gap * max(0, len(frames) - 1) + script.silence, b"")
        if script.nothing:
            self._send(self._head(length))
            self.steps.append(("stall", b"", False))
            self.keeps = False
            return
        if script.stall and script.stall != "headers":
            self.steps.append(("stall", b"", True))
        if script.malformed.startswith("json"):
            frames, length = [Frame("content", b'{"id":"broken","cho')], 19
        self._send(self._head(length))
        for number, frame in enumerate(frames):
            if script.cut and number == script.place(script.cut):
                self._cut()
                return
            if script.halfopen and number == script.place(script.halfopen):
                self.steps.append(("deaf",))
                self.keeps = False
                return
            self._send_frame(frame.data)
        self._end()

    def _body(self, frames):
        script = self.script
        if script.nothing:
            self.steps.append(("stall", self.alive, False))
            self.keeps = False
            return
        self._wait(script.first, self.alive)
        content, burst, total = 0, b"", sum(frame.kind == "content" for frame in frames)
        at = script.at if script.at >= 0 else total // 2
        for frame in frames:
            if frame.kind == "content":
                if burst and (content % max(1, script.burst) == 0 or self._something_at(content, at)):
                    self._send_frame(burst)
                    burst = b""
                if content and content % max(1, script.burst) == 0:
                    self._wait(script.gap, self.alive)
                if content == at:
                    self._wait(script.silence, self.alive)
                if self._stops(content):
                    return
                content += 1
                burst += frame.data
                continue
            if burst:
                self._send_frame(burst)
                burst = b""
            if frame.kind == "progress":
                self._wait(script.gap, self.alive)
            self._send_frame(frame.data)
        if burst:
            self._send_frame(burst)
        self._end()

    def _something_at(self, content, at):
        script = self.script
        places = [script.place(each) for each in (script.stall, script.cut, script.halfopen, script.error_at) if each]
        malformed = script.malformed and int(script.malformed.partition("@")[2] or 0)
        return content in places or content == malformed or (script.silence and content == at)

    def _stops(self, place):
        """What the script has for this place; whether nothing follows it."""
        script = self.script
        number = -1 if place == "headers" else place
        here = lambda key: bool(key) and script.place(key) == number  # noqa: E731
        if here(script.stall):
            self.steps.append(("stall", self.alive if number >= 0 else b"", True))
        if here(script.halfopen):
            self.steps.append(("deaf",))
            self.keeps = False
            return True
        if here(script.cut):
            self._cut()
            return True
        if here(script.error_at) and number >= 0:
            self._send_frame(self.answer.error)
            self._end()
            return True
        what, _, where = script.malformed.partition("@")
        if what and number >= 0 and int(where or 0) == number:
            if what == "json":
                self._send_frame(self.answer.broken)
                return False
            self._send(b"zz;not a size\r\nrubbish\r\n")
            self.steps.append(("close",))
            self.keeps, self.cuts = False, True
            return True
        return False

    def _cut(self):
        self.steps.append(("reset",) if self.script.cut_how == "reset" else ("close",))
        self.keeps, self.cuts = False, True

    def _wait(self, seconds, alive):
        if seconds > 0:
            self.steps.append(("wait", seconds, alive))

    def framed(self, data):
        return b"%x\r\n%s\r\n" % (len(data), data) if self.encoding == "chunked" else data

    def _send_frame(self, data):
        if data:
            self._send(self.framed(data))

    def _end(self):
        if self.encoding == "chunked":
            self._send(b"0\r\n\r\n")
        elif self.encoding == "close":
            self.steps.append(("close",))

    def _send(self, data):
        """One send, one write; what follows without a wait goes with it, as a server with a buffer does."""
        if self.script.drip > 0 and not data.startswith(b"HTTP/"):
            for byte in data:
                self.steps += [("wait", self.script.drip, b""), ("send", bytes([byte]))]
        elif self.steps and self.steps[-1][0] == "send":
            self.steps[-1] = ("send", self.steps[-1][1] + data)
        else:
            self.steps.append(("send", data))
