"""The pages' examples in tabs: curl, Python and TypeScript."""

import re
from collections.abc import Iterator
from textwrap import indent

from .page import Translation, translated

_EXAMPLE = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def with_tabs(markdown: str) -> str:
    """A page whose examples are in tabs; those that are not translated stay as they are."""
    found = iter(translated(_EXAMPLE.findall(markdown)))

    def tabs(example: re.Match[str]) -> str:
        one = next(found)
        return "\n".join(_tabs(example[1], one)) if isinstance(one, Translation) else example[0]

    return _EXAMPLE.sub(tabs, markdown)


def _tabs(commands: str, translation: Translation) -> Iterator[str]:
    for name, language, code in (
        ("curl", "sh", commands),
        *((name, name.lower(), code) for name, code in translation.codes.items()),
    ):
        yield f'=== "{name}"\n'
        yield indent(f"```{language}\n{code.rstrip()}\n```\n", "    ")
