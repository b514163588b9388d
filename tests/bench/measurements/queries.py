"""How many statements a request takes, counted in this process; lists of one row and of a hundred must take as many."""

import json
import os
from collections.abc import Callable, Mapping
from typing import Any
from unittest.mock import patch

from .. import processes
from ..contestants.aasim import Aasim
from ..contestants.shape import NEW_AGENT
from ..databases import fresh
from ..reporting.findings import Goal, Measurement, found
from .rounds import Options

_GOALS = {"list of 1": Goal("≤", 4), "list of 100": Goal("≤", 4), "list with total": Goal("≤", 4), "read": Goal("≤", 3)}


def measure(kind: str, options: Options) -> Measurement:
    """The statements of lists, of a read, and of a creation."""
    options.progress(f"{kind}: counting statements")
    aasim = Aasim(rows=200)
    with fresh(kind, "queries") as database:
        aasim.prepare(database)
        with aasim.serving(database) as service:
            token = service.reader
        counts = _counts(aasim.settings_for(database), token)
    return Measurement("queries", kind, [found(name, count, _GOALS.get(name)) for name, count in counts.items()], raw=counts)


def _counts(settings: Mapping[str, str], token: str) -> dict[str, int]:
    with patch.dict(os.environ, processes.environment(settings), clear=True):
        ask = _asker(token)
    agents = json.loads(ask("GET", "/agents?limit=100")[1])["data"]["items"]
    requests: dict[str, tuple[str, str, Any]] = {
        "list of 1": ("GET", "/agents?limit=1", None),
        "list of 100": ("GET", "/agents?limit=100", None),
        "list with total": ("GET", "/agents?limit=25&include=total", None),
        "read": ("GET", f"/agents/{agents[0]['id']}", None),
        "create": ("POST", "/agents", NEW_AGENT),
    }
    for request in requests.values():  # what is compiled or cached once is not counted
        ask(*request)
    return {name: ask(method, path, _fresh(body))[0] for name, (method, path, body) in requests.items()}


def _fresh(body: Any) -> Any:
    return None if body is None else {**body, "name": "Another"}


def _asker(token: str) -> Callable[..., tuple[int, str]]:
    """What sends a request to an app of this process, and returns the number of its statements and its answer."""
    from falcon import testing

    from aasim_core.bootstrap import build_app
    from aasim_core.logs import configuration as logs
    from aasim_core.serving.application import make_wsgi
    from aasim_core.settings import Settings
    from aasim_core.testing.statements import recorded

    settings = Settings.load({"log.level": "error"})
    logs.configure(settings.log)
    app = build_app(settings)
    client = testing.TestClient(make_wsgi(app))

    def ask(method: str, path: str, body: Any = None) -> tuple[int, str]:
        with recorded(app.database) as statements:
            answer = client.simulate_request(method, f"/api/v1{path}", json=body, headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code < 300, answer.text
        assert statements, f"{method} {path} was answered without a statement; they are not counted"
        return len(statements), answer.text

    return ask
