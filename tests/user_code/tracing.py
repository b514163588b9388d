"""A count of what a call really takes, in steps of Python."""

import sys
from collections.abc import Callable
from types import FrameType, ModuleType
from typing import Any, NamedTuple


class Steps(NamedTuple):
    """The lines of a module that were run, and the characters of the texts that its functions returned."""

    lines: int
    characters: int


def traced(call: Callable[[], Any], module: ModuleType) -> Steps:
    """The steps that the functions of the module take in the call."""
    lines = characters = 0

    def trace(frame: FrameType, event: str, value: Any) -> Any:
        nonlocal lines, characters
        lines += event == "line"
        characters += len(value) if event == "return" and isinstance(value, str) else 0
        return trace

    before = sys.gettrace()
    sys.settrace(lambda frame, *_: trace if frame.f_code.co_filename == module.__file__ else None)
    try:
        call()
    finally:
        sys.settrace(before)
    return Steps(lines, characters)
