"""Instructions to a model whose service cannot enforce an output schema; see `hookspecs.py`."""

import json
from collections.abc import Mapping
from typing import Any


def schema_in_words(schema: Mapping[str, Any]) -> str:
    """The instruction to answer under a JSON Schema."""
    text = json.dumps(schema, ensure_ascii=False)
    return f"Answer with nothing but one JSON value that obeys this JSON Schema:\n{text}"
