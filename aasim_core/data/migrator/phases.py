"""The phase of an upgrade without downtime in which a migration runs, given by its file name.

``NNNN_what.py`` belongs to the first half, `PRE`: it runs while the old code works, and only adds. ``NNNN_what.post.py`` belongs to the
second half, `POST`: it runs when no old code works any more, and removes what only that needed. ``NNNN_what.offline.py``, `OFFLINE`, is for
changes that cannot be split: no process may run meanwhile.
"""

from collections.abc import Iterable
from typing import Any

from ...errors import StartupError

PRE, POST, OFFLINE = "pre", "post", "offline"
EVERY_PHASE = frozenset({PRE, POST, OFFLINE})
#: Migrations that must be applied before the code of their version can start.
BEFORE_START = frozenset({PRE, OFFLINE})
#: Written before migrations had phases, when upgrades stopped everything. The list is closed: a new migration names its phase.
_FORMER = frozenset(
    {
        "agents/0030_created_by",
        "budgets/0030_status",
        "connected_apps/0030_names",
        "core/0005_organizations",
        "core/0007_idempotency_claims",
        "core/0010_event_chain",
        "core/0016_events_to_seal",
        "core/0030_created_by",
        "core/0070_chain_entries",
        "departments/0030_cost_center",
        "engines/0030_names_in_health",
        "executions/0004_index_of_children",
        "executions/0010_retention_by_stage",
        "executions/0030_names",
        "executions/0050_fewer_writes_of_indexes",
        "hitl_approvals/0030_names",
        "hitl_approvals/0031_status",
        "rubrics/0030_created_by",
        "rubrics/0031_parameters",
        "rubrics/0032_status",
    }
)


def phase_of(name: str) -> str:
    """Return the phase of the migration ``notes/0003_color``; StartupError for an unknown ending."""
    if name in _FORMER:
        return OFFLINE
    stem, dot, phase = name.partition(".")
    if dot and phase not in (POST, OFFLINE):
        raise StartupError(
            f"migration {name} has the unknown phase {phase!r}; name it {stem}.py, {stem}.post.py or {stem}.offline.py"
        )
    return phase or PRE


def owner_of(name: str) -> str:
    """``notes`` of ``notes/0003_color``."""
    return name.partition("/")[0]


def number_of(name: str) -> int:
    """3 of ``notes/0003_color``."""
    return int(name.partition("/")[2].partition("_")[0])


def in_order(migrations: Iterable[Any]) -> list[Any]:
    """Return the order in which one owner's migrations, given by number, run: the second half after the first.

    A new installation thus gets the same tables as an upgraded one. An offline migration separates upgrades: it runs after everything
    before it, and before everything after it.
    """
    ordered: list[Any] = []
    second_half: list[Any] = []
    for migration in migrations:
        phase = phase_of(migration.name)
        if phase == OFFLINE:
            ordered += second_half
            second_half = []
        (second_half if phase == POST else ordered).append(migration)
    return ordered + second_half
