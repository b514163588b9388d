"""Failures by kind: their number, first and last time, subjects, and sample runs."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import quote

import peewee

from aasim_core.clock import to_text

from ...executions.models import WITH_FINGERPRINT, Execution
from ...executions.service import failures_of

_MOST_SUBJECTS, _MOST_SAMPLES = 5, 3
_SAMPLED = (Execution.id, Execution.finished_at, Execution.error, Execution.error_code, Execution.engine_id)
#: The end of a run is bound by the index of failures alone.
_COUNTED = (
    peewee.fn.COUNT(Execution.id), peewee.fn.MIN(Execution.finished_at), peewee.fn.MAX(Execution.finished_at),
    peewee.fn.MIN(Execution.subject_version), peewee.fn.MAX(Execution.subject_version),
)  # fmt: skip


class _Counted(NamedTuple):
    """The failures of one kind and subject."""

    fingerprint: str
    subject_id: str | None
    runs: int
    first_at: datetime
    last_at: datetime
    first_version: int | None
    last_version: int | None


def kinds_of(start: datetime, end: datetime, conditions: Sequence[Any], limit: int) -> dict[str, Any]:
    """The kinds of failures from `start` until before `end` that meet the conditions, the most frequent first, at most `limit` of them."""
    within = (WITH_FINGERPRINT, Execution.finished_at >= start, Execution.finished_at < end, *conditions)
    kinds: dict[str, list[_Counted]] = {}
    for row in _count(within):
        kinds.setdefault(row.fingerprint, []).append(row)
    ordered = sorted(kinds, key=lambda fingerprint: (-_sum(kinds[fingerprint]), fingerprint))[:limit]
    samples = {fingerprint: _samples(fingerprint, within) for fingerprint in ordered}
    alike = failures_of([runs[0] for runs in samples.values()])
    return {
        "failures": sum(map(_sum, kinds.values())),
        "kinds": len(kinds),
        "rows": [
            {
                **_told(kinds[fingerprint]),
                **alike[samples[fingerprint][0].id]._asdict(),
                "samples": [{"execution_id": run.id, "finished_at": run.finished_at} for run in samples[fingerprint]],
                "executions": _link(fingerprint, start, end),
            }
            for fingerprint in ordered
        ],
    }


def _count(within: Sequence[Any]) -> list[_Counted]:
    query: Any = Execution.select(Execution.error_fingerprint, Execution.subject_id, *_COUNTED).where(*within)
    return [_Counted._make(row) for row in query.group_by(Execution.error_fingerprint, Execution.subject_id).tuples()]


def _samples(fingerprint: str, within: Sequence[Any]) -> list[Execution]:
    """The latest runs of the kind, as far as `failures_of` reads them: what went in and came out may be large."""
    query = Execution.select(*_SAMPLED).where(Execution.error_fingerprint == fingerprint, *within)
    return list(query.order_by(Execution.created_at.desc(), Execution.id.desc()).limit(_MOST_SAMPLES))


def _sum(rows: Sequence[_Counted]) -> int:
    return sum(row.runs for row in rows)


def _told(rows: Sequence[_Counted]) -> dict[str, Any]:
    most = sorted(rows, key=lambda row: (-row.runs, row.subject_id or ""))[:_MOST_SUBJECTS]
    return {
        "fingerprint": rows[0].fingerprint,
        "count": _sum(rows),
        "first_at": min(row.first_at for row in rows),
        "last_at": max(row.last_at for row in rows),
        "subjects": [
            {"count": row.runs, **{name: getattr(row, name) for name in ("subject_id", "first_version", "last_version")}}
            for row in most
        ],
    }


def _link(fingerprint: str, start: datetime, end: datetime) -> str:
    """The list of these runs."""
    since, until = quote(to_text(start)), quote(to_text(end))
    return f"/api/v1/executions?error_fingerprint={fingerprint}&finished_at[gte]={since}&finished_at[lt]={until}"
