"""Validate an agent's output: its length and its `output_schema`, regardless of its author."""

from collections.abc import Mapping
from typing import Any

import orjson

from aasim_core.user_code import json_schema

from ...executions.hookspecs import RunFailed

_LONGEST = 1_048_576


def answered(definition: Mapping[str, Any], reply: Mapping[str, Any]) -> Any:
    """The output in a model's reply; raises RunFailed for one that does not count."""
    _refuse_long(reply["text"].encode())
    if definition["output_schema"] is None:
        return reply["text"]
    return _fitting(definition, _parsed(reply))


def approved(definition: Mapping[str, Any], output: Any) -> Any:
    """The output as people have edited it; raises RunFailed for one that does not count."""
    _refuse_long(output.encode() if isinstance(output, str) else orjson.dumps(output))
    return output if definition["output_schema"] is None else _fitting(definition, output)


def _refuse_long(text: bytes) -> None:
    if len(text) > _LONGEST:
        raise RunFailed("output_too_long", "The answer is longer than 1 MiB.")


def _parsed(reply: Mapping[str, Any]) -> Any:
    try:
        return orjson.loads(reply["text"])
    except ValueError:
        cut = " It was cut off; raise max_output_tokens." if reply["finish"] == "length" else ""
        raise RunFailed(
            "output_not_json", f"The answer is not the JSON that output_schema asks for.{cut}", retryable=True
        ) from None


def _fitting(definition: Mapping[str, Any], output: Any) -> Any:
    broken = json_schema.violations(definition["output_schema"], output)
    if broken:
        path, message = broken[0]
        raise RunFailed("output_not_valid", f"The answer does not meet output_schema at {path}: {message}", retryable=True)
    return output
