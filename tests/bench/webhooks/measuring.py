"""J7: deliveries to a receiver on loopback that answers at once, from the commit of the event to the receipt, by one worker."""

import json
import subprocess
import sys
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

from .. import processes
from ..contestants.aasim import COMMAND, Aasim, email, login
from ..contestants.handmade import ROOT, Service
from ..contestants.shape import READER
from ..databases import Database, fresh, settle
from ..load.generator import percentile
from ..load.web import call
from ..measurements.rounds import Options, ratio
from ..reporting.findings import Finding, Goal, Measurement, found

_DEAD = "http://127.0.0.1:1/"
#: With these settings deliveries may go to the receiver.
ON_LOOPBACK = {"AASIM_WEBHOOKS__ALLOWED_NETWORKS": '["127.0.0.0/8"]'}
_UNHARMED = Goal("≥", 0.95)
_PACE, _TO_FLOOR, _LATENCY = 50, Goal("≥", 0.5), Goal("≤", 100, " ms")
#: So many come at once for each second that is measured, and before that.
_BURST_A_SECOND, _WARM_UP = 400, 100


@dataclass(frozen=True)
class Source:
    """What commits events: what its process is told, and whose they are."""

    settings: Callable[[Database], Mapping[str, str]]
    who: str

    def commit(self, database: Database, count: int, pace: float = 0) -> Mapping[str, float]:
        """Commit events; when, by the id of the message."""
        command = [sys.executable, "-m", "tests.bench.webhooks.source", self.who, str(count), str(pace)]
        environment = processes.environment({**self.settings(database), "PYTHONPATH": str(ROOT)})
        done = subprocess.run(command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, check=True)
        committed: Mapping[str, float] = json.loads(done.stdout)
        return committed


@dataclass(frozen=True)
class Contestant:
    """A worker to measure: the source of the events that it sends, how its database is made, and what starts it."""

    name: str
    title: str
    source: Source
    prepare: Callable[[Database], None]
    worker: tuple[str, ...]


def measure(kind: str, options: Options) -> Measurement:
    """The product beside the same by hand, in turns."""
    raw: dict[str, list[Any]] = defaultdict(list)
    with ExitStack() as stack:
        url = stack.enter_context(receiving())
        contestants = options.chosen([_by_hand(url), _product(kind, url), *_beside_others(kind, url)])  # type: ignore[type-var]
        databases = {each.name: stack.enter_context(fresh(kind, each.name)) for each in contestants}
        for contestant in contestants:
            options.progress(f"{kind}: making the database of {contestant.title}")
            contestant.prepare(databases[contestant.name])
        for number in range(options.rounds):
            for contestant in contestants:
                options.progress(f"{kind}: round {number + 1} of {options.rounds}, {contestant.title}")
                raw[contestant.name].append(_measured(contestant, databases[contestant.name], url, options.seconds))
    rates = {each.title: median(turn["rate"] for turn in raw[each.name]) for each in contestants}
    return Measurement("J7", kind, list(_findings(raw)), rates, dict(raw))


def _measured(contestant: Contestant, database: Database, url: str, seconds: float) -> dict[str, float]:
    """Deliveries a second of events that come all at once, and milliseconds from commit to receipt at an even pace."""
    log = database.folder / f"{contestant.name}.log"
    settings = {**contestant.source.settings(database), "PYTHONPATH": str(ROOT)}
    with processes.running([contestant.worker], settings, log, lambda: True):
        _received(url, contestant.source.commit(database, _WARM_UP))
        settle(database)
        rate = at_once(contestant.source, database, url, seconds)
        took = evenly(contestant.source, database, url, seconds, _PACE)
    return {"rate": round(rate, 1), "p50": percentile(took, 0.5), "p95": percentile(took, 0.95)}


def at_once(source: Source, database: Database, url: str, seconds: float) -> float:
    """Deliveries a second of events that come all at once."""
    committed = source.commit(database, int(seconds * _BURST_A_SECOND))
    return len(committed) / (max(_received(url, committed).values()) - min(committed.values()))


def evenly(source: Source, database: Database, url: str, seconds: float, pace: float) -> list[float]:
    """Seconds from commit to receipt, sorted, of so many events a second."""
    committed = source.commit(database, int(seconds * pace), pace)
    return sorted(at - committed[event] for event, at in _received(url, committed).items())


def _received(url: str, events: Mapping[str, float]) -> dict[str, float]:
    """When each of the events was received, once all are."""
    found: dict[str, float] = {}

    def have_come() -> bool:
        with urllib.request.urlopen(url) as answer:
            found.update(json.loads(answer.read()))
        return events.keys() <= found.keys()

    processes.eventually(have_come, "the receipt of all events", seconds=300, pause=0.5)
    return {event: found[event] for event in events}


@contextmanager
def receiving() -> Iterator[str]:
    """The receiver, while the body runs: its address."""
    port = processes.free_port()
    command = [sys.executable, "-m", "tests.bench.webhooks.receiver", str(port)]
    with fresh("sqlite", "receiver") as place:
        log = place.folder / "receiver.log"
        with processes.running([command], {"PYTHONPATH": str(ROOT)}, log, lambda: processes.answers(port)):
            yield f"http://127.0.0.1:{port}/"


def _by_hand(url: str) -> Contestant:
    def settings(database: Database) -> dict[str, str]:
        return {
            "BENCH_DATABASE_URL": database.url, "BENCH_BELL": str(database.folder / "bell"), "BENCH_RECEIVER": url,
            "PYTHONPATH": str(ROOT),
        }  # fmt: skip

    def prepare(database: Database) -> None:
        command = [sys.executable, "-c", "from tests.bench.webhooks.by_hand import prepare; prepare()"]
        subprocess.run(command, env=processes.environment(settings(database)), cwd=ROOT, check=True)

    title = "floor: a bare job table, claimed in batches, and a pool of connections"
    worker = (sys.executable, "-m", "tests.bench.webhooks.by_hand")
    return Contestant("webhooks_by_hand", title, Source(settings, "by_hand"), prepare, worker)


def _beside_others(kind: str, url: str) -> Iterator[Contestant]:
    """The product with three more webhooks for the same events, which answer at once, or which are dead, slow and flooding."""
    well, bad = [f"{url}well"] * 3, [_DEAD, f"{url}slow", f"{url}flood"]
    for name, others, told in (("well", well, "three that answer at once"), ("bad", bad, "one dead, one slow and one flooding")):
        product = _product(kind, url, others)
        yield replace(product, name=f"aasim_{name}", title=f"{product.title}, to one receiver next to {told}")


def _product(kind: str, url: str, others: Sequence[str] = ()) -> Contestant:
    aasim = Aasim(queue="redis" if kind == "postgresql" else "sqlite", rows=0, settings=ON_LOOPBACK)

    def prepare(database: Database) -> None:
        aasim.prepare(database)
        with aasim.serving(database) as service:
            for each in (url, *others):
                subscribe(service, each)

    return Contestant("aasim", aasim.title, source_of(aasim), prepare, (COMMAND, "worker"))


def source_of(aasim: Aasim) -> Source:
    """What commits events of the reader's organization."""
    return Source(aasim.settings_for, email(READER))


def subscribe(service: Service, url: str) -> None:
    """Have the events of the reader's organization sent there."""
    call(service.port, "POST", "/api/v1/webhooks", login(service.port, READER), {"url": url, "events": ["core.*"]})


def _findings(raw: Mapping[str, list[Any]]) -> Iterator[Finding]:
    if "aasim" not in raw:
        return
    if "webhooks_by_hand" in raw:
        yield found("× floor", ratio(raw["aasim"], raw["webhooks_by_hand"]), _TO_FLOOR)
    if "aasim_bad" in raw:
        told = "to one receiver next to one dead, one slow and one flooding, × next to three that answer"
        yield found(told, ratio(raw["aasim_bad"], raw["aasim_well"]), _UNHARMED)
        yield found(f"p95 at 50/s, {told.partition(', ×')[0]}", median(turn["p95"] for turn in raw["aasim_bad"]), unit=" ms")
    yield found("p50 at 50/s", median(turn["p50"] for turn in raw["aasim"]), unit=" ms")
    yield found("p95 at 50/s", median(turn["p95"] for turn in raw["aasim"]), _LATENCY)
