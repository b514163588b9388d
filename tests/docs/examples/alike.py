"""Whether what a command printed is what a page shows: ids, times and sizes differ, everything else is the same."""

import json
import re
from collections.abc import Iterator
from typing import Any

#: In a text: anything. As a key of an object: further keys.
ELLIPSIS = "…"
_ID = re.compile(r"([a-z][a-z_]{0,61}[a-z])_[0-7][0-9a-hjkmnp-tv-z]{25}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def json_differences(shown: str, printed: str) -> list[str]:
    """How the JSON texts in `printed` differ from those in `shown`."""
    expected, found = list(_documents(shown)), list(_documents(printed))
    if len(expected) != len(found):
        return [f"the page shows {len(expected)} JSON values, and {len(found)} were printed: {printed[:2000]}"]
    return [difference for pair in zip(expected, found, strict=True) for difference in _differences("", *pair)]


def line_differences(shown: str, printed: str) -> list[str]:
    """The lines of `shown` that do not come in `printed`, in this order, between whatever else; headers' case does not matter."""
    rest = iter(printed.splitlines())
    missing = (line for line in shown.splitlines() if line.strip() and not any(_same_line(line, found) for found in rest))
    return [f"the line {line!r} was not printed, or earlier; printed was:\n{printed[:2000]}" for line in missing][:1]


def _same_line(shown: str, printed: str) -> bool:
    name, separator, value = shown.partition(": ")
    found_name, _, found_value = printed.strip().partition(": ")
    if separator and re.fullmatch(r"[\w-]+", name):
        return name.lower() == found_name.lower() and _same_text(value.strip(), found_value)
    return _same_text(shown.strip(), printed.strip())


def _documents(text: str) -> Iterator[Any]:
    decoder, text = json.JSONDecoder(), text.strip()
    while text:
        value, end = decoder.raw_decode(text)
        yield value
        text = text[end:].strip()


def _differences(path: str, shown: Any, found: Any) -> Iterator[str]:
    if shown == ELLIPSIS:
        return
    if type(shown) is not type(found):
        yield f"{path or 'the value'} is {found!r}, and the page shows {shown!r}"
    elif isinstance(shown, dict):
        yield from _object_differences(path, shown, found)
    elif isinstance(shown, list):
        if len(shown) != len(found) and ELLIPSIS not in shown:
            yield f"{path} has {len(found)} items, and the page shows {len(shown)}"
        for number, (one, other) in enumerate(zip(shown, found, strict=False)):
            yield from _differences(f"{path}[{number}]", one, other)
    elif isinstance(shown, str) and not _same_text(shown, found):
        yield f"{path or 'the text'} is {found!r}, and the page shows {shown!r}"
    elif isinstance(shown, bool) and shown != found:
        yield f"{path or 'the value'} is {found}, and the page shows {shown}"


def _object_differences(path: str, shown: dict[str, Any], found: dict[str, Any]) -> Iterator[str]:
    names = shown.keys() - {ELLIPSIS}
    if missing := names - found.keys():
        yield f"{path or 'the object'} has no {', '.join(sorted(missing))}, which the page shows"
    if ELLIPSIS not in shown and (more := found.keys() - names):
        yield f"{path or 'the object'} has {', '.join(sorted(more))}, which the page does not show"
    for name in [name for name in shown if name in found and name in names]:
        yield from _differences(f"{path}.{name}" if path else name, shown[name], found[name])


def _same_text(shown: str, found: str) -> bool:
    pattern = ".*".join(re.escape(_steady(part)) for part in shown.split(ELLIPSIS))
    return re.fullmatch(pattern, _steady(found), re.DOTALL) is not None


def _steady(text: str) -> str:
    """`text` with every id and time in the place of which another one may stand."""
    return _TIME.sub("<time>", _ID.sub(r"\1_<id>", text))
