"""The criteria of rubrics, and those in their versions, have `parameters`."""

from typing import Any

from aasim_core.data.migrator import renaming

_NAMES = {"params": "parameters"}


def up(migrator: Any, db: Any) -> None:
    """Rename the member of each criterion."""
    _rewrite(db, _NAMES)


def down(migrator: Any, db: Any) -> None:
    """Give it its former name again."""
    _rewrite(db, renaming.inverted(_NAMES))


def _rewrite(db: Any, names: dict[str, str]) -> None:
    def in_definition(definition: Any) -> Any:
        return {**definition, "criteria": renaming.with_names(definition["criteria"], names)}

    renaming.rewrite_json(db, "rubrics_rubric", "criteria", lambda criteria: renaming.with_names(criteria, names))
    renaming.rewrite_json(db, "rubrics_version", "definition", in_definition)
