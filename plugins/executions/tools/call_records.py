"""The record of a tool call: written before the call, and with what became of it."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import orjson

from aasim_core.clock import now
from aasim_core.data import records

from ..hookspecs import Run
from ..models import ToolCall

#: Maximum size of a tool's result for a model, in bytes; the rest is truncated.
LONGEST_RESULT = 16_384


def close(run: Run, row: ToolCall, status: str, result: dict[str, Any], longest: int = LONGEST_RESULT) -> Any:
    """Write the call's result together with the step, and return the result for the model."""
    told = _cut(result, longest)
    values = {"status": status, "result": told, "finished_at": now(), "path": row.path or run.address.path}
    run.also(lambda: write(row, values))
    return told


def _cut(result: dict[str, Any], longest: int) -> dict[str, Any]:
    octets = orjson.dumps(result)
    if len(octets) <= longest:
        return result
    return {"cut_off": octets[:longest].decode(errors="ignore"), "note": "The rest was left out: it was too long."}


def write(row: ToolCall, values: Mapping[str, Any]) -> None:
    """Write what became of the call, or where it is not recorded yet, all of it."""
    changes = {**values, "updated_at": now(), "version": row.version + 1}
    if row.version:
        records.compare_and_set(row, {}, changes)
        return
    records.database_of(ToolCall).on_rollback(partial(setattr, row, "__data__", row.__data__))
    row.__data__ = {**row.__data__, **changes}
    records.insert(row)
