"""J7's receiver: answers every POST with 204 at once, and remembers when it came: `python -m tests.bench.webhooks.receiver PORT`.

`GET /` tells the times of `time.monotonic` by the messages' ids, as JSON. Others are at `/well`, which answers too, at `/slow`, which
takes ten seconds, and at `/flood`, whose answer does not end.
"""

import asyncio
import json
import sys
import time

_SLOW_SECONDS, _FLOOD = 10, b"x" * 65_536
_NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"
_RECEIVED: dict[str, float] = {}


class Receiver(asyncio.Protocol):
    """One connection, kept as long as the other side does."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin with nothing read."""
        assert isinstance(transport, asyncio.Transport)
        self._transport, self._buffer = transport, b""

    def data_received(self, data: bytes) -> None:
        """Answer each request that is complete."""
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end].decode("latin-1")
            headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:])
            length = end + 4 + int(headers.get("content-length", "0"))
            if len(self._buffer) < length:
                return
            self._buffer = self._buffer[length:]
            self._behave(head, headers)

    def _behave(self, head: str, headers: dict[str, str]) -> None:
        path = head.split(" ", 2)[1]
        if path == "/slow":
            asyncio.get_running_loop().call_later(_SLOW_SECONDS, self._transport.write, _NO_CONTENT)
        elif path == "/flood":
            self._transport.write(b"HTTP/1.1 200 OK\r\n\r\n")
            self._flood()
        else:
            self._transport.write(_NO_CONTENT if path == "/well" else self._answer(head, headers))

    def _flood(self) -> None:
        if not self._transport.is_closing():
            self._transport.write(_FLOOD)
            asyncio.get_running_loop().call_later(0.001, self._flood)

    def _answer(self, head: str, headers: dict[str, str]) -> bytes:
        if head.startswith("POST"):
            _RECEIVED.setdefault(headers["webhook-id"], time.monotonic())
            return _NO_CONTENT
        body = json.dumps(_RECEIVED).encode()
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


async def main(port: int) -> None:
    """Listen forever."""
    server = await asyncio.get_running_loop().create_server(Receiver, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
