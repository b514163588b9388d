"""The API only grows: nothing of the last release's document goes away or gets narrower.

The copy is renewed with each release, by its maintainers: ``aasim openapi --output tests/api/openapi-baseline.json``.
"""

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.openapi import document

from .compatibility import narrowings

BASELINE = Path(__file__).with_name("openapi-baseline.json")
EXECUTE = "/api/v1/agents/{agent_id}/execute"
Change = Callable[[Any], object]


@pytest.fixture(scope="module")
def baseline() -> Any:
    """The document of the last release."""
    return json.loads(BASELINE.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def excerpt(baseline: Any) -> Any:
    """Three paths of it; to compare all of them takes long."""
    return {**baseline, "paths": {path: baseline["paths"][path] for path in ("/api/v1/agents", EXECUTE, "/api/v1/auth/login")}}


@pytest.mark.long
def test_nothing_of_the_last_release_is_gone_or_narrower(app: App, baseline: Any) -> None:
    assert narrowings(baseline, document(app)) == []


def schemas(whole: Any, name: str) -> Any:
    return whole["components"]["schemas"][name]


@pytest.mark.long
def test_the_last_release_is_compatible_with_itself(baseline: Any) -> None:
    assert narrowings(baseline, deepcopy(baseline)) == []


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda new: new["paths"].pop("/api/v1/agents"), "/api/v1/agents is gone"),
        (lambda new: new["paths"]["/api/v1/agents"].pop("post"), "POST /api/v1/agents is gone"),
        (
            lambda new: new["paths"]["/api/v1/agents"]["get"]["parameters"].pop(0),
            "GET /api/v1/agents: the parameter limit is gone",
        ),
        (lambda new: new["paths"][EXECUTE]["post"]["responses"].pop("200"), f"POST {EXECUTE}: the status 200 is gone"),
        (lambda new: new["paths"][EXECUTE]["post"].pop("requestBody"), f"POST {EXECUTE}: the body is gone"),
        (
            lambda new: schemas(new, "executions.ExecuteIn")["properties"].pop("metadata"),
            f"POST {EXECUTE}: the body.metadata is gone",
        ),
        (
            lambda new: schemas(new, "executions.ExecuteIn")["required"].append("metadata"),
            f"POST {EXECUTE}: the body.metadata is required now",
        ),
        (
            lambda new: schemas(new, "executions.ExecutionOut")["properties"].pop("usage"),
            f"POST {EXECUTE}: 200.data.usage is gone",
        ),
        (
            lambda new: schemas(new, "executions.ExecutionOut")["required"].remove("usage"),
            f"POST {EXECUTE}: 200.data.usage may be missing now",
        ),
        (
            lambda new: schemas(new, "executions.ExecutionStatus")["enum"].remove("timed_out"),
            f"POST {EXECUTE}: 200.data.status: the value 'timed_out' is gone",
        ),
        (
            lambda new: schemas(new, "executions.ExecutionOut")["properties"].update(attempt={"type": "string"}),
            f"POST {EXECUTE}: 200.data.attempt may be string now",
        ),
        (
            lambda new: schemas(new, "auth.LoginIn")["properties"]["password"].update(maxLength=10),
            "POST /api/v1/auth/login: the body.password: maxLength is 10 and was 256",
        ),
        (
            lambda new: schemas(new, "auth.LoginIn")["properties"].update(password={"type": "integer"}),
            "POST /api/v1/auth/login: the body.password may be no string any more",
        ),
        (
            lambda new: new["paths"]["/api/v1/auth/login"]["post"].pop("security"),
            "POST /api/v1/auth/login: needs a credential now",
        ),
    ],
)
def test_what_goes_away_or_gets_narrower_is_noticed(excerpt: Any, change: Change, sentence: str) -> None:
    new = deepcopy(excerpt)
    change(new)
    assert sentence in narrowings(excerpt, new)


@pytest.mark.parametrize(
    "change",
    [
        lambda new: new["paths"].update({"/api/v1/news": {"get": {}}}),
        lambda new: schemas(new, "executions.ExecuteIn")["properties"].update(extra={"type": "string"}),
        lambda new: schemas(new, "executions.ExecutionOut")["properties"].update(extra={"type": "string"}),
        lambda new: schemas(new, "executions.ExecutionOut")["required"].append("extra"),
        lambda new: schemas(new, "executions.ExecutionStatus")["enum"].append("dreaming"),
        lambda new: schemas(new, "auth.LoginIn")["properties"]["password"].update(maxLength=1000),
        lambda new: schemas(new, "auth.LoginIn")["properties"]["password"].update(type=["string", "null"]),
        lambda new: new["paths"][EXECUTE]["post"]["responses"].update({"418": {"description": "A teapot."}}),
    ],
)
def test_growth_breaks_nobody(excerpt: Any, change: Change) -> None:
    new = deepcopy(excerpt)
    change(new)
    assert narrowings(excerpt, new) == []
