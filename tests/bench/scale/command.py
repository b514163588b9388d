"""The command: fills a database, asks, prints what took long, and fails where something took too long."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from aasim_core import App
from aasim_core.access.records import Role
from aasim_core.app import migration_sources
from aasim_core.bootstrap import build_app, load_plugins
from aasim_core.clock import now
from aasim_core.context import organization_scope, system_scope
from aasim_core.data.backends.connect import connect, unbind
from aasim_core.data.migrator.runner import migrate
from aasim_core.logs import configuration as logs
from aasim_core.serving.application import make_wsgi
from aasim_core.settings.sections import LogSettings
from aasim_core.tenancy.records import Membership, Organization, User
from aasim_core.testing.apps import settings_in
from aasim_core.testing.world import Person, World

from ..contestants.handmade import ROOT
from ..databases import Database, fresh
from .fill import Large, department, fill
from .measure import NEIGHBOUR, WORTH_TELLING, Asker, Slow, everything
from .rows import Writer
from .size import Size

Told = Callable[[str, int, int], None]
#: Of the full size, how much SQLite gets.
_PARTS = {"postgresql": 1.0, "sqlite": 0.2}
CALLERS = ("owner", "a member of one department", "a member who sees nothing", NEIGHBOUR)
#: The agents of the small organization.
_FEW = 30


@click.command()
@click.option(
    "--size", default=1.0, show_default=True, help="How much of everything: 1 is a million runs (a fifth of it on SQLite)."
)
@click.option("--database", "kinds", multiple=True, type=click.Choice(["sqlite", "postgresql"]), help="Both by default.")
@click.option("--at", help="The URL of an empty database to fill and keep, or of one that was kept.")
@click.option("--only", multiple=True, help="Lists to ask, by path, such as /executions; all by default.")
def scale(size: float, kinds: Sequence[str], at: str | None, only: Sequence[str]) -> None:
    """Fill a database with a month of a large organization among small ones, and ask every list everything."""
    logs.configure(LogSettings(level="error"))
    console = Console(width=None if sys.stdout.isatty() else 200)
    found: list[Slow] = []
    for database in _kept(at) if at else _fresh(kinds or tuple(_PARTS)):
        part = Size().times(size * _PARTS[database.kind])
        found += measure(database, part, console, only)
    sys.exit(1 if any(slow.is_refused for slow in found) else 0)


def measure(database: Database, size: Size, console: Console, only: Sequence[str] = ()) -> list[Slow]:
    """Fill the database, if it is empty, and ask everything, or the lists `only`; returns what took long."""
    with _progress(console) as told, opened(database) as app:
        world = World(app, make_wsgi(app))
        people = callers(world) or founded(world, database, size, told)
        asked, found = 0, []
        for name, person in people.items():
            for slow in everything(Asker(app, world.anonymous.wsgi, name, person), only, now(), told):
                asked += 1
                found += [slow] if slow else []
                if slow is not None and slow.is_refused:
                    console.print(_sentence(slow))
    console.print(f"{database.kind}: {asked:,} questions, of which {len(found)} took {WORTH_TELLING:.0f} ms or more")
    if found:
        console.print(_table(found))
    return found


def _fresh(kinds: Sequence[str]) -> Iterator[Database]:
    for kind in kinds:
        with fresh(kind, "scale") as database:
            yield database


def _kept(url: str) -> Iterator[Database]:
    """The database at the URL; its keys are kept beside what benchmarks keep."""
    name = Path(url).stem
    folder = ROOT / "var" / "bench" / f"scale-{name}"
    folder.mkdir(parents=True, exist_ok=True)
    kind = url.partition(":")[0]
    yield Database(kind, url, folder, name if kind == "postgresql" else None)


@contextmanager
def opened(database: Database) -> Iterator[App]:
    """An app of this process over the database, migrated."""
    flags = {"database.url": database.url, **({"database.app_role": database.role} if database.role else {})}
    settings = settings_in(database.folder, {}, **flags)
    plugins = load_plugins(settings)
    with ExitStack() as stack:
        owner = connect(database.url)
        migrate(owner, migration_sources(plugins), database.role)
        owner.close_all()
        app = build_app(settings, plugins=plugins)
        stack.callback(unbind, app.models)
        stack.callback(app.database.close_all)
        stack.enter_context(app.database.connected())
        yield app


def founded(world: World, database: Database, size: Size, told: Told) -> dict[str, Person]:
    """The callers: three in an organization that has become large, and the owner of a small one."""
    owner = world.organization("Lovelace & Co.")
    with organization_scope(owner.organization_id):
        roles = dict(Role.select(Role.name, Role.id).tuples())
    fill(Writer(database.url, told), Large(owner.organization_id, owner.user_id, roles, int(time.time())), size)
    world.member(owner, "viewer", department(1))
    world.member(owner, "builder", department(size.departments))
    neighbour = world.organization("Babbage & Sons")
    for number in range(_FEW):
        neighbour.client.post("/agents", {"name": f"Worker {number}", "instructions": "Summarize."})
    return callers(world)


def callers(world: World) -> dict[str, Person]:
    """The callers by their names; none in an empty database.

    The second member's department is one in which nothing happens. The owner of the small organization notices what grows with other
    people's data.
    """
    with system_scope("find the callers of the benchmark"):
        people = {user.email: user for user in User.select().where(User.email.startswith("person"))}
        if not people:
            return {}
        found = [people[f"person{number}@example.org"] for number in range(1, len(CALLERS) + 1)]
        homes = [Organization.get_by_id(Membership.get(Membership.user_id == user.id).organization_id) for user in found]
    return {name: world._person(user, home) for name, user, home in zip(CALLERS, found, homes, strict=True)}


@contextmanager
def _progress(console: Console) -> Iterator[Told]:
    """A bar in a terminal, or else a line for each table and each list."""
    if not console.is_terminal:
        yield _lines()
        return
    columns = TextColumn("{task.description:60}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("")
        yield lambda title, done, of: progress.update(task, description=title, completed=done, total=of)


def _lines() -> Told:
    last = [""]

    def tell(title: str, done: int, of: int) -> None:
        if title != last[0]:
            last[0] = title
            print(f"{datetime.now(UTC):%H:%M:%S} {title} ({of:,})", flush=True)

    return tell


def _sentence(slow: Slow) -> str:
    asked = escape(f"{slow.asked.path}?{slow.asked.query}".rstrip("?"))
    return f"[bold red]{slow.milliseconds:,.0f} ms[/] ({slow.status}) {slow.caller}: {slow.asked.method} {asked}: {escape(slow.reason)}"


def _table(found: Sequence[Slow]) -> Table:
    table = Table("list", "asked", "caller", "ms", "status", "why")
    for slow in sorted(found, key=lambda slow: (slow.asked.template, -slow.milliseconds)):
        color = "[bold red]" if slow.is_refused else ""
        table.add_row(
            slow.asked.template,
            escape(slow.asked.query),
            slow.caller,
            f"{color}{slow.milliseconds:,.0f}",
            str(slow.status),
            escape(slow.reason),
        )
    return table
