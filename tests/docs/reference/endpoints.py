"""The page of endpoints."""

from itertools import groupby

from aasim_core.app import App
from aasim_core.http.operations import Endpoint

#: The pages that are not called as what they are about.
_PAGES = {"auth": "authentication", "core": "conventions"}
_TOP = """\
# Endpoints

What the API has with all plugins on, by the plugin that brings it. All paths begin with `/api/v1`. The permission is
the one that roles give; `public` asks for no credential, and `self` for any. An installation leaves out what is off; it
tells itself what it has:

```sh
API=http://127.0.0.1:8000/api/v1
curl -sS --fail-with-body $API/openapi.json | jq -r '.paths | keys[] | select(startswith("/api/v1/sessions"))'
```

```text
/api/v1/sessions
/api/v1/sessions/active
/api/v1/sessions/{session_id}/terminate
```
"""
_HEAD = "| endpoint | permission | what it does |\n|---|---|---|\n"


def page(app: App) -> str:
    """The whole page, a table for each plugin."""
    in_order = sorted((endpoint for endpoint in app.endpoints if endpoint.in_api), key=_order)
    sections = groupby(in_order, key=lambda endpoint: endpoint.plugin)
    return _TOP + "".join(f"\n## {_title(plugin)}\n\n{_HEAD}{''.join(map(_row, found))}" for plugin, found in sections)


def page_of(plugin: str) -> str:
    """The name of the page about what the plugin brings."""
    return _PAGES.get(plugin, plugin.replace("_", "-")) + ".md"


def _order(endpoint: Endpoint) -> tuple[bool, str, str, str]:
    """What the core brings comes last."""
    return endpoint.plugin == "core", endpoint.plugin, endpoint.template, endpoint.method


def _title(plugin: str) -> str:
    return f"[`{plugin}`](../use/{page_of(plugin)})"


def _row(endpoint: Endpoint) -> str:
    does = endpoint.operation.summary.replace("|", "\\|").replace("``", "`")
    return f"| `{endpoint.method} {endpoint.template}` | `{endpoint.permission or 'public'}` | {does} |\n"
