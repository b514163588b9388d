"""J4's load: executions posted as fast as they are finished, or evenly in time, watched until each has succeeded.

Run as a process of its own, like `generator`: a JSON plan on standard input, a JSON result on standard output.
"""

import json
import sys
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from ..probe import Probe
from .generator import Connection, numbered, percentile

#: How often, in seconds, to look which executions have succeeded: watching takes from what is watched.
_LOOK_EVERY = 0.05


@dataclass(frozen=True)
class Plan:
    """What to post, for `seconds`; `pace` is per second (0: as fast as they are finished, at most `backlog` waiting).

    With a pace, it is looked every `look_every` seconds which have succeeded: latencies are that exact. The last of them have so many
    seconds of `patience`.
    """

    port: int
    request: str
    database_url: str
    table: str
    seconds: float = 4
    pace: float = 0
    backlog: int = 300
    connections: int = 16
    look_every: float = 0.0005
    patience: float = 20


@dataclass
class Result:
    """What came of it; latencies from the start of the POST to the visible success, in milliseconds."""

    accepted: int = 0
    succeeded: int = 0
    seconds: float = 0
    rate: float = 0
    p50: float = 0
    p95: float = 0
    p99: float = 0
    longest: float = 0


def sustained(plan: Plan, probe: Probe) -> Result:
    """Keep up to `backlog` executions waiting for `plan.seconds`, then wait for the last; rated from post to success."""
    import select

    requests, poll = numbered([plan.request], 0), select.epoll()
    connections = {}
    for _ in range(plan.connections):
        connection = Connection(plan.port)
        connections[connection.sock.fileno()] = connection
        poll.register(connection.sock, select.EPOLLIN)
    idle, busy = deque(connections.values()), 0
    accepted, waiting = 0, set[str]()
    look_at = started = time.perf_counter()
    while (now := time.perf_counter()) < started + plan.seconds or busy:
        if now >= look_at:
            waiting -= probe.finished(waiting)
            look_at = time.perf_counter() + _LOOK_EVERY
        while idle and now < started + plan.seconds and len(waiting) + busy < plan.backlog:
            idle.popleft().send(next(requests))
            busy += 1
        for descriptor, _ in poll.poll(0.01):
            if connections[descriptor].complete():
                waiting.add(_accepted(connections[descriptor]))
                accepted, busy = accepted + 1, busy - 1
                idle.append(connections[descriptor])
    last = _drained(probe, waiting)
    return Result(accepted, accepted - len(waiting), last - started, round(accepted / (last - started), 1))


def _accepted(connection: Connection) -> str:
    if connection.status != 202:
        raise SystemExit(f"an execution was not accepted: {connection.buffer[:600].decode(errors='replace')}")
    body = json.loads(connection.buffer[connection.buffer.find(b"\r\n\r\n") :])
    return str(body["data"]["id"])


def _drained(probe: Probe, waiting: set[str], patience: float = 20) -> float:
    """Wait until none of `waiting` is left there, as long as some succeed; when the last one did."""
    moved_at = time.perf_counter()
    while waiting and time.perf_counter() < moved_at + patience:
        if succeeded := probe.finished(waiting):
            waiting -= succeeded
            moved_at = time.perf_counter()
        time.sleep(0.005)
    return moved_at


def paced(plan: Plan, probe: Probe) -> Result:
    """Post `plan.pace` executions a second over one connection, and watch each until it succeeded."""
    connection, requests = Connection(plan.port), numbered([plan.request], 0)
    count, started = int(plan.seconds * plan.pace), time.perf_counter()
    waiting: dict[str, float] = {}
    latencies: list[float] = []
    for number in range(count):
        _watch(plan, probe, waiting, latencies, until=started + number / plan.pace)
        begun = time.perf_counter()
        waiting[_posted(connection, requests)] = begun
    _watch(plan, probe, waiting, latencies, until=time.perf_counter() + plan.patience, stop_when_empty=True)
    ordered = sorted(latencies)
    seconds = time.perf_counter() - started
    spread = (percentile(ordered, 0.50), percentile(ordered, 0.95), percentile(ordered, 0.99), percentile(ordered, 1))
    return Result(count, len(ordered), seconds, round(len(ordered) / seconds, 1), *spread)


def _posted(connection: Connection, requests: Iterator[bytes]) -> str:
    connection.send(next(requests))
    while not connection.complete():
        continue
    return _accepted(connection)


def _watch(
    plan: Plan, probe: Probe, waiting: dict[str, float], latencies: list[float], *, until: float, stop_when_empty: bool = False
) -> None:
    while (now := time.perf_counter()) < until and (waiting or not stop_when_empty):
        for execution in probe.finished(waiting) if waiting else ():
            latencies.append(time.perf_counter() - waiting.pop(execution))
        time.sleep(min(plan.look_every, until - now))


def main() -> None:
    """Carry out the plan on standard input."""
    plan = Plan(**json.load(sys.stdin))
    probe = Probe(plan.database_url, plan.table)
    print(json.dumps(asdict(paced(plan, probe) if plan.pace else sustained(plan, probe))))


if __name__ == "__main__":
    main()
