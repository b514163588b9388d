"""What is kept of an engine's health has the names that everything else has."""

from typing import Any

from aasim_core.data.migrator import renaming

_HEALTH = {"since": "status_since_at", "failures_in_a_row": "consecutive_failures"}
_WITHIN = {"at": "occurred_at"}


def up(migrator: Any, db: Any) -> None:
    """Rename the members of health, and those of the last failure and test."""
    _rewrite(db, _HEALTH, _WITHIN)


def down(migrator: Any, db: Any) -> None:
    """Give them their former names again."""
    _rewrite(db, renaming.inverted(_HEALTH), renaming.inverted(_WITHIN))


def _rewrite(db: Any, names: dict[str, str], within: dict[str, str]) -> None:
    def change(health: Any) -> Any:
        parts = {name: renaming.with_names(health[name], within) for name in ("last_error", "last_test") if name in health}
        return renaming.with_names({**health, **parts}, names)

    renaming.rewrite_json(db, "engines_engine", "health", change)
