"""A PostgreSQL server of the test's own, to be stopped, restarted and reconfigured."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from ..bench.processes import free_port

#: The server refuses to run as root.
_USER = "postgres"


@dataclass(frozen=True)
class Cluster:
    """The server's data folder and port."""

    folder: Path
    port: int

    @property
    def url(self) -> str:
        """Where a superuser reaches it."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def start(self, **settings: str) -> None:
        """Start it, and wait until it takes connections."""
        own = {
            "port": str(self.port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": str(self.folder),
            "fsync": "off",
        }
        options = " ".join(f"-c {name}={value}" for name, value in {**own, **settings}.items())
        self._control("start", "-o", options, "-l", str(self.folder / "server.log"))

    def stop(self, mode: str = "fast") -> None:
        """Stop it: ``fast`` ends transactions and connections, ``immediate`` leaves all as a crash does."""
        self._control("stop", "-m", mode)

    def own(self, folder: Path) -> None:
        """Let it write into a folder."""
        if os.getuid() == 0:
            shutil.chown(folder, _USER)

    def says(self, words: str) -> bool:
        """Whether its log has these words."""
        return words in (self.folder / "server.log").read_text(errors="replace")

    def promote(self) -> None:
        """Let a standby take writes."""
        self._control("promote")

    def run(self, statement: str) -> None:
        """Run one statement as a superuser, outside of transactions."""
        import psycopg

        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(statement)

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a query, as a superuser."""
        import psycopg

        with psycopg.connect(self.url, autocommit=True) as connection:
            return connection.execute(query).fetchall()

    def _control(self, *arguments: str) -> None:
        _as_its_user("pg_ctl", "-D", str(self.folder / "data"), "-w", *arguments)


@contextmanager
def own_cluster() -> Iterator[Cluster]:
    """A server of the test's own, which runs."""
    with _made_by("initdb", "-A", "trust", "-U", "postgres", "--no-sync") as cluster:
        yield cluster


@contextmanager
def standby_of(primary: Cluster) -> Iterator[Cluster]:
    """A server that has every commit of the other one as soon as that is answered, and takes no writes until it is promoted."""
    with _made_by("pg_basebackup", "--dbname", primary.url, "--write-recovery-conf", "--no-sync", "--checkpoint=fast") as standby:
        primary.run("ALTER SYSTEM SET synchronous_standby_names = '*'")
        primary.run("SELECT pg_reload_conf()")
        yield standby


@contextmanager
def _made_by(*command: str) -> Iterator[Cluster]:
    """The server whose data folder the command makes, which runs."""
    cluster = Cluster(Path(mkdtemp(prefix="aasim-cluster-")), free_port())
    try:
        cluster.own(cluster.folder)
        _as_its_user(*command, "-D", str(cluster.folder / "data"))
        cluster.start()
        try:
            yield cluster
        finally:
            with suppress(subprocess.CalledProcessError):  # the test has stopped it
                cluster.stop("immediate")
    finally:
        shutil.rmtree(cluster.folder, ignore_errors=True)


def _as_its_user(program: str, *arguments: str) -> None:
    as_user = ["runuser", "-u", _USER, "--"] if os.getuid() == 0 else []
    subprocess.run([*as_user, str(_programs() / program), *arguments], check=True, stdout=subprocess.DEVNULL, cwd="/")


def _programs() -> Path:
    """The folder of the server's programs, of the newest version that is installed."""
    known = shutil.which("pg_config")
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    if folders:
        return folders[-1]
    if known is None:
        raise FileNotFoundError("PostgreSQL's programs are not installed (Debian: apt install postgresql)")
    return Path(subprocess.run([known, "--bindir"], check=True, capture_output=True, text=True).stdout.strip())
