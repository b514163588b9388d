"""The contestants beside Aasim itself: how each is seeded and served."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from .. import processes
from ..databases import REDIS, Database, forget_queues
from . import shape

ROOT = Path(__file__).parents[3]
PEER_ENVIRONMENT = ROOT / "var" / "bench-venv"
_GUNICORN = (
    "-m",
    "gunicorn",
    "--no-control-socket",
    "-k",
    "gthread",
    "--threads",
    "16",
    "--keep-alive",
    "75",
    "-b",
    "127.0.0.1:{port}",
)
_QUEUE = (*_GUNICORN, "-w", "1", "tests.bench.contestants.queue_web:application")
_PEER_QUEUE = (*_GUNICORN, "-w", "1", "tests.bench.contestants.peers.executions:application")
_UVICORN = ("-m", "uvicorn", "--workers", "2", "--log-level", "warning", "--no-access-log", "--port", "{port}", "--factory")


@dataclass(frozen=True)
class Service:
    """A contestant that answers: where, with whose tokens, its processes in the order of its commands, and its executions' table.

    Any of its `agents` can be executed; where no table of them is named, one is made through its API.
    """

    port: int
    reader: str
    writer: str
    processes: list["subprocess.Popen[bytes]"]
    executions: str
    agents: str = ""


class Contestant(Protocol):
    """A service to measure."""

    @property
    def name(self) -> str:
        """What --only calls it."""

    @property
    def title(self) -> str:
        """What tables call it."""

    def prepare(self, database: Database) -> None:
        """Create and fill its database."""

    def serving(self, database: Database) -> AbstractContextManager[Service]:
        """Serve on a free port while the body runs."""


@dataclass(frozen=True)
class Handmade:
    """A contestant of this folder: `seed` and `commands` are arguments of its Python; `{port}` is filled in.

    `queue` and `work` are what `queues` reads; `executions` and `agents` are its tables.
    """

    name: str
    title: str
    seed: tuple[str, ...]
    commands: tuple[tuple[str, ...], ...]
    peer: bool = True
    queue: str = "table"
    work: str = "peers.work"
    executions: str = "execution"
    agents: str = "agent"

    @property
    def python(self) -> str:
        """The interpreter: the peers' own environment, or ours."""
        return str(PEER_ENVIRONMENT / "bin" / "python") if self.peer else sys.executable

    def prepare(self, database: Database) -> None:
        command = [self.python, *self.seed]
        subprocess.run(command, env=processes.environment(self._environment(database)), check=True, stdout=subprocess.DEVNULL)

    @contextmanager
    def serving(self, database: Database) -> Iterator[Service]:
        port = processes.free_port()
        forget_queues()
        commands = [[self.python, *(part.format(port=port) for part in command)] for command in self.commands]
        log = database.folder / f"{self.name}.log"
        ready = lambda: processes.answers(port, below=600)  # noqa: E731
        with processes.running(commands, self._environment(database), log, ready) as started:
            yield Service(port, shape.token(shape.READER), shape.token(shape.WRITER), started, self.executions, self.agents)

    def _environment(self, database: Database) -> Mapping[str, str]:
        return {
            "PYTHONPATH": str(ROOT),
            "BENCH_DATABASE_URL": database.url,
            "BENCH_QUEUE": self.queue,
            "BENCH_WORK": f"tests.bench.contestants.{self.work}",
            "BENCH_QUEUE_URL": REDIS,
            "BENCH_BELL": str(database.folder / "bell"),
        }


_FLOOR_SEED, _PEER_SEED = ("-m", "tests.bench.contestants.floor.seed"), ("-m", "tests.bench.contestants.peers.models")
FLOOR = Handmade(
    "floor",
    "floor: by hand",
    _FLOOR_SEED,
    ((*_GUNICORN, "-w", "2", "tests.bench.contestants.floor.web:application"),),
    peer=False,
)
FLOOR_OF_LISTS = Handmade(
    "floor_lists", "floor: by hand", (), ((*_GUNICORN, "-w", "2", "tests.bench.contestants.floor.lists:application"),), peer=False
)
WEB_PEERS = (
    Handmade(
        "flask",
        "Flask + SQLAlchemy + marshmallow",
        _PEER_SEED,
        ((*_GUNICORN, "-w", "2", "tests.bench.contestants.peers.flask:application"),),
    ),
    Handmade("fastapi", "FastAPI + SQLAlchemy", _PEER_SEED, ((*_UVICORN, "tests.bench.contestants.peers.fastapi:synchronous"),)),
    Handmade(
        "fastapi_async",
        "FastAPI + SQLAlchemy, async",
        _PEER_SEED,
        ((*_UVICORN, "tests.bench.contestants.peers.fastapi:asynchronous"),),
    ),
)
JOB_TABLE = Handmade(
    "job_table",
    "floor: a bare job table, claimed in batches",
    _FLOOR_SEED,
    (_QUEUE, ("-m", "tests.bench.contestants.floor.worker")),
    peer=False,
)
_HUEY = ("-m", "huey.bin.huey_consumer", "tests.bench.contestants.peers.huey.huey", "-w", "4", "-k", "thread", "-q")
_CELERY = ("-m", "celery", "-A", "tests.bench.contestants.peers.celery", "worker", "-c", "2", "-l", "warning")
_STACK = "Flask + SQLAlchemy + marshmallow"
QUEUE_PEERS = tuple(
    Handmade(
        name,
        f"Flask + SQLAlchemy + marshmallow, {title} + Redis",
        _PEER_SEED,
        (_PEER_QUEUE, worker),
        queue=name,
        executions="executions",
        agents="agents",
    )
    for name, title, worker in (("huey", "huey", _HUEY), ("celery", "Celery", _CELERY))
)
#: What a queue is capable of where all around it is the floor's.
BARE_QUEUE = Handmade("bare_huey", "by hand, huey + Redis", _FLOOR_SEED, (_QUEUE, _HUEY), queue="huey", work="floor.work")
