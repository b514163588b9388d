"""JSON from outside, as it can be kept."""

from typing import Any

import pytest

from aasim_core.text.json import keepable, to_json


@pytest.mark.parametrize(
    ("value", "kept"),
    [({"a\0": ["\ud800", 1, None]}, {"a\ufffd": ["\ufffd", 1, None]}), (2**64, str(2**64)), (1.5, 1.5), (True, True)],
)
def test_what_no_database_takes_is_replaced(value: Any, kept: Any) -> None:
    assert keepable(value) == kept


def test_what_is_nested_too_deep_is_left_out_and_the_rest_can_be_written() -> None:
    value: Any = "core"
    for _ in range(5_000):
        value = [value]
    assert to_json(keepable(value)).count(b"[") == 100
