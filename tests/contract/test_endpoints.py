"""The contract of the API, endpoints.tsv, held against the running app: none is missing, and what there is beyond it is documented."""

import csv
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from aasim_core.app import App, build_app
from aasim_core.http.openapi import BASE, document
from aasim_core.http.operations import Endpoint
from aasim_core.plugins.manifest import CORE
from aasim_core.testing.apps import settings_in

#: The plugins of the contract that are still to come. A name leaves the list with the change that brings its plugin.
TO_COME: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Row:
    """One endpoint of the contract."""

    plugin: str
    method: str
    path: str
    permission: str
    success: int

    @property
    def place(self) -> tuple[str, str]:
        """Method and path, with the parameters by their position only."""
        return self.method, _without_names(self.path)


def _without_names(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", path)


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    """The whole contract."""
    with (Path(__file__).parent / "endpoints.tsv").open(encoding="utf-8", newline="") as file:
        return [
            Row(row["plugin"], row["method"], row["path"], row["permission"], int(row["success"]))
            for row in csv.DictReader(file, delimiter="\t")
        ]


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> App:
    """The app with every bundled plugin on; no database is opened."""
    return build_app(settings_in(tmp_path_factory.mktemp("all-on"), {}))


@pytest.fixture(scope="module")
def served(app: App) -> dict[tuple[str, str], Endpoint]:
    """What the app serves, by method and path without the names of parameters."""
    return {(endpoint.method, _without_names(endpoint.template)): endpoint for endpoint in app.endpoints if endpoint.in_api}


@pytest.fixture(scope="module")
def due(rows: list[Row]) -> list[Row]:
    """The rows of the plugins that exist."""
    return [row for row in rows if row.plugin not in TO_COME]


def test_the_contract_has_165_endpoints(rows: list[Row]) -> None:
    assert len(rows) == 165
    assert [row for row in rows if not row.path.startswith("/")] == []


def test_the_list_of_plugins_to_come_is_true(app: App, rows: list[Row]) -> None:
    named = {row.plugin for row in rows}
    here = {plugin.name for plugin in app.plugins.found}
    assert sorted(TO_COME & here) == [], "these are here: take them off TO_COME"
    assert sorted(TO_COME - named) == [], "the contract knows no such plugins"
    assert sorted(named - here - TO_COME) == [], "these are gone from the distribution"


def test_every_endpoint_of_the_plugins_that_exist_is_served_by_its_owner(
    due: list[Row], served: dict[tuple[str, str], Endpoint]
) -> None:
    missing = [f"{row.method} {row.path} ({row.plugin})" for row in due if row.place not in served]
    assert missing == []
    assert [row for row in due if served[row.place].plugin != row.plugin] == []


def test_every_endpoint_asks_for_the_permission_of_the_contract(due: list[Row], served: dict[tuple[str, str], Endpoint]) -> None:
    asked = {row.place: served[row.place].operation.permission for row in due}
    assert asked == {row.place: row.permission for row in due}


def test_every_endpoint_succeeds_with_the_status_of_the_contract(due: list[Row], served: dict[tuple[str, str], Endpoint]) -> None:
    assert {row.place: served[row.place].operation.status for row in due} == {row.place: row.success for row in due}


def test_what_is_served_beyond_the_contract_is_documented(app: App, rows: list[Row]) -> None:
    promised = {row.place for row in rows}
    paths = document(app)["paths"]
    silent = [
        f"{endpoint.method} {endpoint.template}"
        for endpoint in app.endpoints
        if endpoint.in_api and (endpoint.method, _without_names(endpoint.template)) not in promised and endpoint.plugin != CORE
        if not paths[BASE + endpoint.template][endpoint.method.lower()].get("summary")
    ]
    assert silent == []


def test_every_endpoint_of_the_contract_is_in_the_reference(app: App, due: list[Row]) -> None:
    documented = {
        (method.upper(), _without_names(path.removeprefix(BASE)))
        for path, operations in document(app)["paths"].items()
        for method in operations
    }
    assert [row for row in due if row.place not in documented] == []


def test_the_rest_of_the_contract_is_to_come(rows: list[Row]) -> None:
    awaited = Counter(row.plugin for row in rows if row.plugin in TO_COME)
    if awaited:
        plugins = ", ".join(f"{plugin} {count}" for plugin, count in sorted(awaited.items()))
        pytest.xfail(f"{awaited.total()} of {len(rows)} endpoints are to come: {plugins}")
