"""A closed-loop HTTP load generator: keep-alive connections that each send the next request when the last answer is complete.

Run as a process of its own: it reads one JSON plan from standard input and writes one JSON result to standard output. An answer
with any other status than the expected one counts as an error, and its first text is kept.
"""

import itertools
import json
import select
import socket
import sys
import time
from array import array
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

#: Ten bytes in a request that are replaced by a number that is different in each request, such as a unique name's.
COUNTER = b"0123456789"
_HEAD_END = b"\r\n\r\n"


@dataclass(frozen=True)
class Plan:
    """What to send: `requests` are whole HTTP/1.1 requests, sent in turn; times in seconds."""

    port: int
    requests: list[str]
    expect: int = 200
    seconds: float = 3
    warm_up: float = 0.5
    connections: int = 16
    first_number: int = 0


@dataclass
class Result:
    """What came back in the measured time; latencies in milliseconds, `client_cpu` as a share of one core.

    `server_cpu`, which the caller fills in, is microseconds of processor time a request, warming up included.
    """

    requests: int = 0
    warm_up_requests: int = 0
    seconds: float = 0
    rate: float = 0
    p50: float = 0
    p95: float = 0
    p99: float = 0
    errors: int = 0
    answer_bytes: int = 0
    client_cpu: float = 0
    server_cpu: float = 0
    samples: list[str] = field(default_factory=list)


@dataclass
class Connection:
    """One keep-alive connection with at most one request under way."""

    port: int
    sock: socket.socket = field(init=False)
    buffer: bytes = b""
    whole: int = 0
    status: int = 0
    sent_at: float = 0

    def __post_init__(self) -> None:
        self.open()

    def open(self) -> None:
        self.sock = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, request: bytes) -> None:
        self.buffer, self.whole = b"", 0
        self.sent_at = time.perf_counter()
        self.sock.sendall(request)

    def complete(self) -> bool:
        """Take what has arrived; whether the answer is whole now. ConnectionError when the server hung up in the middle."""
        piece = self.sock.recv(262_144)
        if not piece:
            raise ConnectionResetError("the server closed the connection before the answer was whole")
        self.buffer = self.buffer + piece if self.buffer else piece
        if not self.whole and (end := self.buffer.find(_HEAD_END)) >= 0:
            self._read_head(self.buffer[:end], end + 4)
        return bool(self.whole) and (len(self.buffer) >= self.whole or self._last_chunk())

    def _read_head(self, head: bytes, body_at: int) -> None:
        self.status = int(head[9:12])
        lower = head.lower()
        at = lower.find(b"\r\ncontent-length:")
        if at >= 0:
            self.whole = body_at + int(lower[at + 17 :].split(b"\r\n", 1)[0])
        elif b"transfer-encoding: chunked" in lower:
            self.whole = sys.maxsize
        else:
            self.whole = body_at

    def _last_chunk(self) -> bool:
        return self.whole == sys.maxsize and self.buffer.endswith(b"\r\n0\r\n\r\n")

    def hung_up(self) -> bool:
        """Whether the server announced that this was the connection's last answer."""
        return b"\r\nconnection: close" in self.buffer[: self.buffer.find(_HEAD_END)].lower()


def numbered(requests: list[str], first_number: int) -> Iterator[bytes]:
    """The requests in turn, forever, each with its own number in the place of `COUNTER`."""
    encoded = [request.encode() for request in requests]
    for number, request in zip(itertools.count(first_number), itertools.cycle(encoded), strict=False):
        yield request.replace(COUNTER, b"%010d" % number)


def run(plan: Plan) -> Result:
    """Load the server for `plan.warm_up` seconds unmeasured and then for `plan.seconds`.

    While the server warms up, each connection is opened anew, one after the other: of many that come at once, one of the server's
    processes may take nearly all, but while there is load, the one takes the next that has least to do.
    """
    poll = select.epoll()
    requests = numbered(plan.requests, plan.first_number)
    connections = {}
    for _ in range(plan.connections):
        connection = Connection(plan.port)
        connections[connection.sock.fileno()] = connection
        poll.register(connection.sock, select.EPOLLIN)
    for connection in connections.values():
        connection.send(next(requests))
    warm, _ = _drive(poll, connections, requests, plan, plan.warm_up, _Renewal(plan))
    started, cpu = time.perf_counter(), time.process_time()
    latencies, result = _drive(poll, connections, requests, plan, plan.seconds)
    result.seconds = time.perf_counter() - started
    result.warm_up_requests = len(warm)
    result.client_cpu = round((time.process_time() - cpu) / result.seconds, 3)
    for connection in connections.values():
        connection.sock.close()
    return _summed(result, latencies)


def _drive(
    poll: select.epoll,
    connections: dict[int, Connection],
    requests: Iterator[bytes],
    plan: Plan,
    seconds: float,
    renewal: "_Renewal | None" = None,
) -> tuple["array[float]", Result]:
    latencies, result = array("d"), Result()
    until = time.perf_counter() + seconds
    while (now := time.perf_counter()) < until:
        for descriptor, _ in poll.poll(until - now):
            connection = connections[descriptor]
            if not connection.complete():
                continue
            latencies.append(time.perf_counter() - connection.sent_at)
            _judge(connection, plan.expect, result)
            if connection.hung_up() or (renewal and renewal.is_due(connection)):
                connection = _reopened(poll, connections, descriptor)
            connection.send(next(requests))
    return latencies, result


class _Renewal:
    """Which connection is opened anew next, so that all are by the middle of the time to warm up."""

    def __init__(self, plan: Plan) -> None:
        self._pause = plan.warm_up / 2 / plan.connections
        self._next_at = time.perf_counter()
        self._renewed: set[int] = set()

    def is_due(self, connection: Connection) -> bool:
        if id(connection) in self._renewed or time.perf_counter() < self._next_at:
            return False
        self._renewed.add(id(connection))
        self._next_at += self._pause
        return True


def _judge(connection: Connection, expect: int, result: Result) -> None:
    result.answer_bytes = len(connection.buffer)
    if connection.status != expect:
        result.errors += 1
        if len(result.samples) < 3:
            result.samples.append(connection.buffer[:600].decode(errors="replace"))


def _reopened(poll: select.epoll, connections: dict[int, Connection], descriptor: int) -> Connection:
    connection = connections.pop(descriptor)
    poll.unregister(descriptor)
    connection.sock.close()
    connection.open()
    connections[connection.sock.fileno()] = connection
    poll.register(connection.sock, select.EPOLLIN)
    return connection


def _summed(result: Result, latencies: "array[float]") -> Result:
    ordered = sorted(latencies)
    result.requests = len(ordered)
    result.rate = round(len(ordered) / result.seconds, 1)
    result.p50, result.p95, result.p99 = (percentile(ordered, share) for share in (0.50, 0.95, 0.99))
    return result


def percentile(ordered: list[float], share: float) -> float:
    """The latency, in milliseconds, that `share` of the sorted seconds do not exceed."""
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000, 3) if ordered else 0


def request(method: str, path: str, token: str, body: Any = None, **headers: str) -> str:
    """A whole HTTP/1.1 request; `body` is sent as JSON."""
    payload = "" if body is None else json.dumps(body, separators=(",", ":"))
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Bearer {token}", "Accept: application/json"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if body is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {len(payload.encode())}"]
    return "\r\n".join([*lines, "", payload])


def main() -> None:
    """Carry out the plan on standard input."""
    print(json.dumps(asdict(run(Plan(**json.load(sys.stdin))))))


if __name__ == "__main__":
    main()
