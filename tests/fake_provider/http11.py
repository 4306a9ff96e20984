"""The little of HTTP/1.1 that a provider of a test needs: requests in, bytes out, and a caller who leaves is noticed."""
import asyncio
import dataclasses
import socket
import struct

BODY_MAX = 64 * 1024 * 1024
HEAD_MAX = 256 * 1024


class Gone(Exception):
    """The caller has closed the connection."""


class Bad(Exception):
    """What came is no request."""


@dataclasses.dataclass
class Request:
    method: str
    target: str
    headers: list
    body: bytes = b""

    def header(self, name):
        return next((value for key, value in self.headers if key.lower() == name), None)


class Connection:
    def __init__(self, sock):
        self.sock = sock
        self.loop = asyncio.get_running_loop()
        self.buffer = b""
        self.closed = False
        self.receiving = None  # goes on where whoever waited for it is cancelled: what it reads belongs to the next one

    async def _more(self):
        if self.receiving is None:
            self.receiving = asyncio.ensure_future(self.loop.sock_recv(self.sock, 65536))
        try:
            data = await asyncio.shield(self.receiving)
        except OSError as wrong:
            raise Gone from wrong
        self.receiving = None
        if not data:
            raise Gone
        self.buffer += data

    async def watch(self):
        """Returns when the caller has gone; what comes meanwhile is kept for the next request."""
        try:
            while len(self.buffer) < BODY_MAX:
                await self._more()
        except Gone:
            return

    async def _line(self):
        while (end := self.buffer.find(b"\n")) < 0:
            if len(self.buffer) > HEAD_MAX:
                raise Bad("a line without an end")
            await self._more()
        line, self.buffer = self.buffer[:end], self.buffer[end + 1:]
        return line.rstrip(b"\r").decode("latin-1")

    async def _exactly(self, length):
        if length > BODY_MAX:
            raise Bad("a body that is too large")
        while len(self.buffer) < length:
            await self._more()
        data, self.buffer = self.buffer[:length], self.buffer[length:]
        return data

    async def read(self):
        """The next request. Gone where none follows."""
        words = (await self._line()).split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/1."):
            raise Bad("no request line")
        request = Request(words[0], words[1], [])
        while line := await self._line():
            name, colon, value = line.partition(":")
            if not colon:
                raise Bad(f"no header: {line!r}")
            request.headers.append((name, value.strip()))
        if (request.header("expect") or "").lower() == "100-continue":
            await self.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        if (request.header("transfer-encoding") or "").lower() == "chunked":
            request.body = await self._chunks()
        else:
            request.body = await self._exactly(int(request.header("content-length") or 0))
        return request

    async def _chunks(self):
        body = b""
        while size := int((await self._line()).partition(";")[0], 16):
            body += await self._exactly(size)
            await self._line()
            if len(body) > BODY_MAX:
                raise Bad("a body that is too large")
        while await self._line():
            pass
        return body

    async def send(self, data):
        try:
            await self.loop.sock_sendall(self.sock, data)
        except OSError as wrong:
            raise Gone from wrong

    def reset(self):
        """The caller sees a connection reset, not an end."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self):
        if self.closed:
            return
        self.closed = True
        if self.receiving is not None:
            self.loop.remove_reader(self.sock)  # now: its number may be another's when the task hears that it is cancelled
            self.receiving.cancel()
        self.sock.close()
