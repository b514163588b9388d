"""The contract of the API, endpoints.tsv, held against the running app: none is missing, and what there is beyond it is documented."""

import csv
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from aasim_core.app import App
from aasim_core.bootstrap import build_app
from aasim_core.http.operations import Endpoint
from aasim_core.openapi import BASE, document
from aasim_core.plugins.manifest import CORE
from aasim_core.testing.apps import settings_in


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


def test_the_contract_has_165_endpoints(rows: list[Row]) -> None:
    assert len(rows) == 165
    assert [row for row in rows if not row.path.startswith("/")] == []


def test_every_endpoint_is_served_by_its_owner(rows: list[Row], served: dict[tuple[str, str], Endpoint]) -> None:
    missing = [f"{row.method} {row.path} ({row.plugin})" for row in rows if row.place not in served]
    assert missing == []
    assert [row for row in rows if served[row.place].plugin != row.plugin] == []


def test_every_endpoint_asks_for_the_permission_of_the_contract(rows: list[Row], served: dict[tuple[str, str], Endpoint]) -> None:
    asked = {row.place: served[row.place].operation.permission for row in rows}
    assert asked == {row.place: row.permission for row in rows}


def test_every_endpoint_succeeds_with_the_status_of_the_contract(
    rows: list[Row], served: dict[tuple[str, str], Endpoint]
) -> None:
    assert {row.place: served[row.place].operation.status for row in rows} == {row.place: row.success for row in rows}


@pytest.mark.long
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


@pytest.mark.long
def test_every_endpoint_of_the_contract_is_in_the_reference(app: App, rows: list[Row]) -> None:
    documented = {
        (method.upper(), _without_names(path.removeprefix(BASE)))
        for path, operations in document(app)["paths"].items()
        for method in operations
    }
    assert [row for row in rows if row.place not in documented] == []
