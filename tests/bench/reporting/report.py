"""Findings as tables: in the terminal, and in docs/benchmarks.md."""

import os
import platform
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from ..contestants.handmade import ROOT
from .findings import Finding, Measurement

DOCUMENT = ROOT / "docs" / "benchmarks.md"
MEANINGS = {
    "J1": "`GET /agents?limit=25` of 10,000 agents, newest first",
    "J1t": "the same with `include=total`",
    "J2": "one agent by its id",
    "J3": "an agent of eight fields created, with its event, in one durable commit",
    "J4": "`POST /agents/{id}/execute` on the scripted engine until *succeeded*; one API process, one worker",
    "J5": "`POST /workflows/{id}/execute` until *succeeded*: a fork of four quick `tool` nodes, join, condition, transform, end",
    "J5r": "J5 with a tool that is not quick, so that each of the four calls is a run of its own",
    "J5b": "four hundred `tool` nodes after each other, of one run that is alone",
    "J5c": "three `tool` nodes, from the POST to the result",
    "J6": "`foreach` of a thousand items, sixteen at a time, each a quick `tool` node, of one run that is alone",
    "J6r": "J6 with a tool that is not quick, so that each item is a run of its own",
    "J7": "events delivered to a webhook that answers at once, from their commit; one worker",
    "J8": "job flows: ten thousand that are due at once, and what those cost that are not due; one worker",
    "lists": "`GET /users`, `/projects`, `/activities` (limit=25, newest first); a neighbour has as many rows",
    "growth": "what the cost of a request does not depend on",
    "conditions": "J4 to J8, at full speed unless it says otherwise, of a database that is no longer fresh",
    "start": "from the command to the first answer",
    "rubrics": "J4 with a rubric of two deterministic criteria that scores every result",
    "memory": "proportional resident memory after load",
    "queries": "statements per request",
    "kernel": "the kernel of executions alone, without a database",
    "cost": "what one execution of J4 costs, the sealing of its events included",
}
_HEAD = """# Benchmarks

Made by `bin/bench`, last by `{command}`, on {at}: {machine}, load average {load:.0f} before it began.
Only ratios taken in one run say something: the machine is
small and noisy, and the contestants take turns, round after round; every figure is the median of its rounds. A load average above nothing
is that of others who used the machine meanwhile, and makes all times longer. What the last run did not measure is kept from earlier ones.

- *Floor*: the same work by hand under the same server: a bare WSGI application, prepared statements of sqlite3 or psycopg,
  orjson; for J4 a bare job table that is claimed in batches, without leases, steps, logs and events; for J5 and J6 the same, with as
  many jobs as the graph has nodes that call something, and nothing kept about any; for J7 the same with a pool
  of connections, messages that are made already, no second attempt and nothing kept about the first; for the lists of users, projects
  and activities the same statements in the same tables.
- *Peers*: the same service as the users of other frameworks and queues write it; J4 with Flask, SQLAlchemy and a queue on Redis: an
  execution and its end are recorded, each with its event, and nothing else of what Aasim keeps. The best one of the run counts.
- *DBOS* (J5 and J6): the same graph in the process that asks: without HTTP, users, log and events, and without a second process that
  could continue with it at once. A call that is alone in its run costs Aasim one commit (J5b, J5c); calls of a quick tool that only reads
  have one for up to fifty (J5, J6). Any other is a run of its own, which any worker can do, with a record, events and a log: that is what
  J5r and J6r pay for.
- *By hand, huey*: the floor's API with huey instead of the job table, to show what a queue is capable of. It keeps no events either, and
  loses what was begun when its worker dies.
- *Aasim*: `aasim serve` and `aasim worker` with every bundled plugin on, tenant scope, rate limits, request ids, access log,
  ETags. Its own class of gunicorn's worker looks gunicorn's settings up once, and stays with a connection whose next request follows at
  once; the floor has gunicorn's, which does neither (it reads one agent a sixth more often under ours, and a page a thirtieth).

J1 to J3: 16 keep-alive connections, two processes of 16 threads. Everything is in `tests/bench/`, the figures below also in
`tests/bench/kept.json`; a run leaves those that they come from in `var/bench/`.
"""


def table(measurements: Sequence[Measurement]) -> Table:
    """Every finding beside its goal."""
    result = Table("measurement", "database", "figure", "value", "goal", "", title="Findings")
    for measurement in measurements:
        for finding in measurement.findings:
            mark = {True: "[green]met", False: "[bold red]missed", None: ""}[finding.met]
            note = f" [dim]({finding.note})" if finding.note else ""
            result.add_row(measurement.name, measurement.database, finding.what + note, finding.shown, finding.goal, mark)
    return result


def rates(measurements: Sequence[Measurement]) -> Table:
    """Requests (or executions) per second of every contestant."""
    compared = [measurement for measurement in measurements if measurement.rates]
    result = Table("per second", *(f"{measurement.name} {measurement.database}" for measurement in compared), title="Rates")
    for title in dict.fromkeys(title for measurement in compared for title in measurement.rates):
        result.add_row(title, *(_rate(measurement, title) for measurement in compared))
    return result


def _rate(measurement: Measurement, title: str) -> str:
    rate = measurement.rates.get(title)
    return "" if rate is None else f"{rate:,.0f}" if rate >= 10 else f"{rate:.2f}"


def show(measurements: Sequence[Measurement], console: Console) -> None:
    """Print both tables."""
    if any(measurement.rates for measurement in measurements):
        console.print(rates(measurements))
    if any(measurement.findings for measurement in measurements):
        console.print(table(measurements))


def write(measurements: Sequence[Measurement], document: Path = DOCUMENT) -> None:
    """Write docs/benchmarks.md from the last measurement of each kind."""
    newest = max(measurements, key=lambda measurement: measurement.at)
    order = list(MEANINGS)
    measurements = sorted(measurements, key=lambda measurement: (order.index(measurement.name), measurement.database))
    machine = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    parts = [
        _HEAD.format(command=newest.command, at=newest.at, machine=machine, load=newest.load),
        "## Goals\n",
        _goals(measurements),
    ]
    compared = [measurement for measurement in measurements if measurement.rates]
    if compared:
        parts += [
            "## Rates\n",
            "Requests per second (J4: executions, J5 and J6: runs, J7: deliveries per second).\n",
            _rates(compared),
        ]
    document.parent.mkdir(exist_ok=True)
    document.write_text("\n".join(parts))


def _goals(measurements: Sequence[Measurement]) -> str:
    rows = [
        (
            f"{measurement.name}: {MEANINGS[measurement.name]}",
            measurement.database,
            _what(finding),
            finding.shown,
            finding.goal,
            {True: "met", False: "**missed**", None: ""}[finding.met],
        )
        for measurement in measurements
        for finding in measurement.findings
    ]
    return _markdown(("measurement", "database", "figure", "value", "goal", "result"), _without_repetition(rows))


def _what(finding: Finding) -> str:
    return f"{finding.what} ({finding.note})" if finding.note else finding.what


def _without_repetition(rows: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    before = ["", *(row[0] for row in rows)]
    return [("" if row[0] == previous else row[0], *row[1:]) for row, previous in zip(rows, before, strict=False)]


def _rates(compared: Sequence[Measurement]) -> str:
    titles = dict.fromkeys(title for measurement in compared for title in measurement.rates)
    head = ("contestant", *(f"{measurement.name} {measurement.database}" for measurement in compared))
    return _markdown(head, [(title, *(_rate(measurement, title) for measurement in compared)) for title in titles])


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"
