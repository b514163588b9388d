"""The table of error codes in docs/use/conventions.md, made from the declarations; run as a program, it writes it."""

import re
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from aasim_core.bootstrap import build_app
from aasim_core.error_codes import ErrorCode
from aasim_core.testing.apps import settings_in

PAGE = Path(__file__).parents[2] / "docs" / "use" / "conventions.md"
_PLACE = re.compile(r"(<!-- error codes -->\n).*(<!-- /error codes -->)", re.DOTALL)
_HEAD = "| code | status | when | what to do |\n|---|---|---|---|\n"


def written(page: str, codes: Iterable[ErrorCode]) -> str:
    """The page, with the table in its place."""
    table = _HEAD + "".join(map(_row, sorted(codes, key=lambda code: code.status)))
    return _PLACE.sub(lambda match: f"{match[1]}{table}{match[2]}", page)


def _row(code: ErrorCode) -> str:
    return f"| `{code}` | {code.status} | {code.when} | {code.advice} |\n"


if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        codes = build_app(settings_in(Path(folder), {})).error_codes.values()
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8"), codes), encoding="utf-8")
