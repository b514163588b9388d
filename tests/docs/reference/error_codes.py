"""The page of error codes."""

from aasim_core.app import App
from aasim_core.error_codes import ErrorCode

_TOP = """\
# Error codes

`errors[…][].code` in an [answer that failed](../use/conventions.md#responses) is one of these.
Plugins that do not come with Aasim may have codes of their own, which begin with the plugin's name; the OpenAPI
document of your installation has them all. A 429 says in `meta` which limit it was: `limit`, `scope`, `scope_id`,
`used`, `max`, `resets_at`.

| code | status | when | what to do |
|---|---|---|---|
"""


def page(app: App) -> str:
    """The whole page, by status."""
    return _TOP + "".join(map(_row, sorted(app.error_codes.values(), key=lambda code: code.status)))


def _row(code: ErrorCode) -> str:
    return f"| `{code}` | {code.status} | {code.when} | {code.advice} |\n"
