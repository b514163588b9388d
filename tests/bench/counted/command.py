"""The command: fills, writes the rollup, asks, and fails where an answer takes too long."""

import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import product
from urllib.parse import urlencode

import click

from aasim_core.clock import to_text
from aasim_core.context import organization_scope
from aasim_core.logs import configuration as logs
from aasim_core.serving.application import make_wsgi
from aasim_core.settings.sections import LogSettings
from aasim_core.testing.world import Person, World
from aasim_plugins.analytics.rollups import rollup

from ..databases import Database, fresh
from ..scale.command import opened
from ..scale.rows import Writer
from .fill import Month, fill

#: Milliseconds that 95 of a hundred answers may take.
TOO_LONG = 200.0
_GROUPS = (
    "",
    "agent",
    "project",
    "status",
    "agent,version",
    "agent,status",
    "project,engine",
    "trigger,error",
    "department,branch",
)
_INTERVALS = (("hour", 1), ("day", 30), ("week", 30), ("total", 30), ("total", 7))


@click.command()
@click.option("--runs", default=1_000_000, show_default=True, help="Executions of the month.")
@click.option("--database", "kinds", multiple=True, type=click.Choice(["sqlite", "postgresql"]), help="Both by default.")
def analytics(runs: int, kinds: Sequence[str]) -> None:
    """Count a month of executions, and ask about them in every way."""
    logs.configure(LogSettings(level="error"))
    slow = 0
    for kind in kinds or ("sqlite", "postgresql"):
        with fresh(kind, "analytics") as database:
            took = measure(database, runs)
            slow += took > TOO_LONG
    sys.exit(1 if slow else 0)


def measure(database: Database, runs: int) -> float:
    """Fill the database and ask; prints and returns the 95th percentile in milliseconds."""
    with opened(database) as app:
        world = World(app, make_wsgi(app))
        owner = world.organization("Lovelace & Co.")
        fill(Writer(database.url, lambda *_: None), Month(owner.organization_id, int(time.time()), runs))
        with organization_scope(owner.organization_id):
            began = time.perf_counter()
            rollup.roll_up(app)
        seconds = time.perf_counter() - began
        print(
            f"{database.kind}: {runs:,} executions and as many calls written in {seconds:.1f} s, {seconds / runs * 1e6:.0f} µs each"
        )
        viewer = world.member(owner, "viewer", "project_00000000000000000000000001")
        people = {"owner": owner, "viewer": viewer}
        told("another time zone", sorted(_asked(people, "Asia/Kolkata")))
        return told("the organization's time zone", sorted(_asked(people, "UTC")))


def told(where: str, took: Sequence[tuple[float, str]]) -> float:
    """Print the slowest questions, and return the 95th percentile in milliseconds."""
    p95 = took[int(len(took) * 0.95)][0]
    print(f"  in {where}: {len(took)} questions, half in {took[len(took) // 2][0]:.0f} ms, 95 % in {p95:.0f} ms; the slowest:")
    for milliseconds, question in took[-3:]:
        print(f"    {milliseconds:7.1f} ms  {question}")
    return p95


def _asked(people: dict[str, Person], timezone: str) -> Iterator[tuple[float, str]]:
    end = datetime.fromtimestamp(time.time() // 900 * 900, UTC)
    for (name, person), (interval, days), groups in product(people.items(), _INTERVALS, _GROUPS):
        asked = {"from": to_text(end - timedelta(days=days)), "interval": interval, "timezone": timezone}
        path = f"/analytics/executions?{urlencode({**asked, **({'group_by': groups} if groups else {})})}"
        began = time.perf_counter()
        answer = person.client.get(path)
        took = (time.perf_counter() - began) * 1000
        assert answer.status in (200, 400), answer
        yield took, f"{name}: {path} ({answer.status})"
