"""Run every check in order, except those that need a part that is broken."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, NamedTuple, get_args

from ..builtin.health import facts_of
from ..plugins.checks import Check, Unwell
from ..settings import Settings
from ..terminal.exit_codes import explain
from . import database, machine, services
from .parts import Parts

State = Literal["ok", "warning", "wrong", "unchecked"]
STATES: Sequence[State] = get_args(State)
#: What a check of a plugin or of the core may ask for.
_WHOLE = ("data_folder", "keys", "plugins", "connection", "migrations")


@dataclass(frozen=True)
class Finding:
    """What one check has found: sentences where it is not `ok`, each of which says what to do; and facts.

    `wrong`: processes do not start, or must not; `warning`: they run, and something is missing; `unchecked`: it needs a check that failed.
    """

    name: str
    state: State
    problems: Sequence[str] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_solid(self) -> bool:
        """Whether what stands on it can be asked."""
        return self.state in ("ok", "warning")


class _Step(NamedTuple):
    """A check of the installation, and the names of those before it that it needs."""

    ask: Callable[[Parts], Mapping[str, Any] | None]
    needs: tuple[str, ...] = ("settings",)
    critical: bool = True
    on_database: bool = False


_STEPS: Sequence[_Step] = (
    _Step(machine.settings, needs=()),
    _Step(machine.data_folder),
    _Step(machine.data_access, needs=("data_folder",), critical=False),
    _Step(machine.keys),
    _Step(machine.exposure, needs=("keys",)),
    _Step(machine.plugins, needs=("data_folder", "keys")),
    _Step(machine.skipped_plugins, needs=("plugins",), critical=False),
    _Step(machine.open_files, needs=(), critical=False),
    _Step(services.queue, critical=False),
    _Step(services.rate_limits, critical=False),
    _Step(services.mail, critical=False),
    _Step(database.connection, needs=("data_folder",)),
    _Step(database.session_settings, needs=("connection",)),
    _Step(database.autovacuum, needs=("connection",), critical=False),
    _Step(database.backup_tool, needs=("connection",), critical=False),
    _Step(database.migrations, needs=("connection", "plugins"), on_database=True),
    _Step(database.role_and_policies, needs=("migrations",), on_database=True),
    _Step(database.stored_keys, needs=("migrations",), on_database=True),
    _Step(database.writes, needs=("migrations",), on_database=True),
    _Step(database.api, needs=("migrations",), critical=False, on_database=True),
    _Step(database.versions, needs=("migrations",), critical=False, on_database=True),
)
#: The names of the checks of an installation, in their order, and whether it is wrong where one fails.
CHECKS: Sequence[tuple[str, bool]] = tuple((step.ask.__name__, step.critical) for step in _STEPS)


def examine(load: Callable[[], Settings]) -> Iterator[Finding]:
    """Ask everything, beginning with the settings that `load` gives; what cannot be asked says why."""
    parts = Parts(load)
    found: dict[str, Finding] = {}
    try:
        for step in _STEPS:
            check = Check(step.ask.__name__, partial(step.ask, parts), step.critical, step.on_database)
            finding = found[check.name] = _finding(parts, check, _unmet(found, step.needs))
            yield finding
        yield from _health(parts, _unmet(found, _WHOLE))
    finally:
        parts.close()


def _health(parts: Parts, unmet: Sequence[str]) -> Iterator[Finding]:
    """What the health checks of the core and of plugins say, but for those of a process that serves."""
    if unmet:
        yield _unchecked("health", unmet)
        return
    for check in parts.app.checks:
        if not check.of_process:
            yield _finding(parts, check, ())


def _unmet(found: Mapping[str, Finding], needs: Sequence[str]) -> list[str]:
    return [name for name in needs if not found[name].is_solid]


def _unchecked(name: str, unmet: Sequence[str]) -> Finding:
    return Finding(name, "unchecked", (f"not checked, since it needs {', '.join(unmet)}",))


def _finding(parts: Parts, check: Check, unmet: Sequence[str]) -> Finding:
    if unmet:
        return _unchecked(check.name, unmet)
    failed: State = "wrong" if check.critical else "warning"
    try:
        return Finding(check.name, "ok", facts=facts_of(parts.connected, check))
    except Unwell as unwell:
        return Finding(check.name, failed, (str(unwell),), unwell.facts)
    except Exception as error:  # noqa: BLE001 - a check that fails in any way has failed
        return Finding(check.name, failed, tuple(explain(error)[0]))
