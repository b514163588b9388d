"""Stored values of one run's nodes: read on first use, written once."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from aasim_core.data.records import insert_rows

from ...executions.models import Execution
from ..models import ResultRow

_ABSENT = object()


class Results:
    """The results of a run, as they are in the database, and those that are not written yet."""

    def __init__(self, execution: Execution) -> None:
        self._execution = execution
        self._known: dict[tuple[str, str], Any] = {}
        self._new: dict[tuple[str, str], Any] = {}

    def keep(self, path: str, kind: str, value: Any) -> None:
        """Keep a value, from the next `write` on in the database."""
        self._known[path, kind] = self._new[path, kind] = value

    def drop(self, path: str, kind: str) -> None:
        """Discard a value that is not written yet."""
        self._new.pop((path, kind), None)
        self._known[path, kind] = _ABSENT

    def has(self, path: str, kind: str) -> bool:
        """Whether there is such a value."""
        return self._get(path, kind) is not _ABSENT

    def get(self, path: str, kind: str) -> Any:
        """The value; None where there is none."""
        value = self._get(path, kind)
        return None if value is _ABSENT else value

    def many(self, paths: Iterable[str], kind: str) -> list[Any]:
        """The values of that kind, in the order of the paths."""
        wanted = list(paths)
        if missing := [path for path in wanted if (path, kind) not in self._known]:
            self._read(missing, kind)
        return [self.get(path, kind) for path in wanted]

    def write(self) -> None:
        """Write new values, in the running transaction; see `written`."""
        facts = {"organization_id": self._execution.organization_id, "execution_id": self._execution.id}
        insert_rows(
            ResultRow, [ResultRow(**facts, path=path, kind=kind, value=value).row() for (path, kind), value in self._new.items()]
        )

    def written(self) -> None:
        """Say that what was written is committed."""
        self._new = {}

    def _get(self, path: str, kind: str) -> Any:
        if (path, kind) not in self._known:
            self._read([path], kind)
        return self._known[path, kind]

    def read(self, paths: Sequence[str], *kinds: str) -> None:
        """Read the values of these kinds, which are used next, at once."""
        for kind in kinds:
            self._read(paths, kind)

    def _read(self, paths: Sequence[str], kind: str) -> None:
        found: Mapping[str, Any] = {
            row.path: row.value
            for start in range(0, len(paths), 500)
            for row in ResultRow.select(ResultRow.path, ResultRow.value).where(
                ResultRow.execution_id == self._execution.id,
                ResultRow.path.in_(paths[start : start + 500]),
                ResultRow.kind == kind,
            )
        }
        self._known |= {(path, kind): found.get(path, _ABSENT) for path in paths}
