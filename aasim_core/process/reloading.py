"""``aasim up --reload``: API and worker are replaced when the files that they run have changed, if those load."""

import os
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from ..errors import StartupError
from ..plugins.loading.discovery import discover
from ..plugins.loading.selection import choose
from ..settings import Settings
from ..terminal.exit_codes import report
from ..terminal.output import Terminal
from .launch import Launch
from .supervisor import Supervisor

#: How long an API may take to answer after its start.
START_SECONDS = 60
#: How often the files are looked at: a look takes some milliseconds.
_LOOK_SECONDS = 1.0
#: Folders below a plugin's, or the plugin folder, that no process imports anything from.
_NOT_IMPORTED = ("__pycache__", "tests")
_MIGRATIONS = "migrations"


def refuse_reload(settings: Settings) -> None:
    """StartupError where other machines reach the server."""
    if settings.server.is_public:
        bind = settings.server.bind
        raise StartupError(
            f"--reload is for work on plugins, and other machines can reach server.bind = {bind}; leave it out, or bind to 127.0.0.1"
        )


class SourceWatch:
    """The settings file, and the Python files of the plugin folder and of the plugins that are to be on."""

    def __init__(self, settings: Settings) -> None:
        self._seen: Mapping[Path, int] = {}
        self.follow(settings)

    def follow(self, settings: Settings) -> None:
        """From now on, look at the files that these settings mean: what changed since the last look counts."""
        self._roots = _roots(settings)
        self._seen = {path: self._seen.get(path, changed_at) for path, changed_at in self._look().items()}

    def next_change(self, supervisor: Supervisor) -> set[Path]:
        """The files that changed, came or went, when any does; empty where `supervisor` is to stop first."""
        found: set[Path] = set()

        def take() -> bool:
            before, self._seen = self._seen, self._look()
            found.update(path for path, _ in before.items() ^ self._seen.items())
            return bool(found)

        supervisor.watch(take, pause=_LOOK_SECONDS)
        return found

    def has_changed(self) -> bool:
        """Whether there is a change that `next_change` has not returned yet."""
        return self._look() != self._seen

    def _look(self) -> dict[Path, int]:
        return dict(_changed_at(self._roots))


def _roots(settings: Settings) -> Sequence[Path]:
    """The files and folders to look at, none of which is in another one."""
    candidates = discover(settings.plugins.folder)
    chosen = [candidates[name] for name in choose(candidates, settings.plugins).wanted]
    own = [candidate.folder or candidate.file for candidate in chosen]
    roots = {path.resolve() for path in (settings.config_file, settings.plugins.folder, *own) if path is not None}
    return [path for path in roots if roots.isdisjoint(path.parents)]


def _changed_at(roots: Iterable[Path]) -> Iterator[tuple[Path, int]]:
    for root in roots:
        for path in _python_files(root) if root.is_dir() else (root,):
            try:
                yield path, path.stat().st_mtime_ns
            except OSError:  # it went meanwhile, or is not there at all
                continue


def _python_files(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name[0] != "." and name not in _NOT_IMPORTED]
        yield from (Path(place, name) for name in files if name.endswith(".py"))


def reload_until_stop(supervisor: Supervisor, launch: Launch, sources: SourceWatch, terminal: Terminal) -> None:
    """Each time when `sources` change and load, replace the processes of `launch`; what does not load leaves them as they are."""
    changed: set[Path] = set()
    while found := sources.next_change(supervisor):
        changed |= found
        started = time.monotonic()
        terminal.say(f"  {_names(changed)} changed, restarting …")
        if replaced := _replaced(supervisor, launch, sources, changed):
            launch = replaced
            terminal.done(f"{_names(changed)} changed; API and worker restarted ({time.monotonic() - started:.1f} s)")
            changed.clear()
        elif not supervisor.is_stopping and not sources.has_changed():  # or else that is tried
            down = " and ".join(supervisor.given_up)
            terminal.trouble(
                f"{_names(changed)} changed, but does not load. Correct the error above, and save. "
                f"Until then, {f'{down} cannot run' if down else 'API and worker continue with the last version that loaded'}."
            )


def _replaced(supervisor: Supervisor, launch: Launch, sources: SourceWatch, changed: Iterable[Path]) -> Launch | None:
    """Replace the processes; None where they cannot start with what `changed`, or are to stop."""
    try:
        launch = launch.reread()
    except StartupError as error:
        report(error)
        return None
    sources.follow(launch.settings)
    if not _loads(supervisor, launch, sources, changed):
        return None
    supervisor.replace(launch.commands)

    def is_settled() -> bool:
        return bool(supervisor.given_up) or (not supervisor.is_replacing and launch.is_ready())

    return launch if supervisor.watch(is_settled, launch.grace_seconds + START_SECONDS) and not supervisor.given_up else None


def _loads(supervisor: Supervisor, launch: Launch, sources: SourceWatch, changed: Iterable[Path]) -> bool:
    """Whether new processes can start, after the migrations that changed; what is wrong is on standard error.

    False also where more has changed meanwhile, such as a migration of the record that changed: it is tried together with that.
    """
    if not _succeeds(supervisor, launch.command("plugins", "check"), stdout=subprocess.DEVNULL) or sources.has_changed():
        return False
    may_migrate = any(path.parent.name == _MIGRATIONS or path.suffix != ".py" for path in changed)
    return not may_migrate or _succeeds(supervisor, launch.command("migrate"))


def _succeeds(supervisor: Supervisor, command: Sequence[str], stdout: int | None = None) -> bool:
    """Run the command while the processes are looked after."""
    # In a group of its own, as API and worker are: Ctrl-C reaches this process only.
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stdout, process_group=0)  # noqa: S603 - our own commands
    if not supervisor.watch(lambda: process.poll() is not None):
        process.terminate()
    return process.wait() == 0


def _names(changed: Iterable[Path]) -> str:
    """The file that was saved last, and how many more there are."""
    first, *more = sorted(sorted(changed), key=_saved_at, reverse=True)
    name = f"{first.parent.name}/{first.name}"
    return f"{name} and {len(more)} more" if more else name


def _saved_at(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:  # it is gone
        return 0
