"""The dashboard for Grafana shows every gauge that there is, and none that there is not, by labels that they have."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from aasim_core.app import App
from aasim_plugins.metrics.api import _FAILED

_USED = re.compile(r"(?:by \((?P<by>[\w, ]+)\) \()?(?P<name>aasim_\w+)(?:\{(?P<label>\w+)!?=\"(?P<value>\w+)\"\})?")


@pytest.fixture(scope="module")
def dashboard(root: Path) -> dict[str, Any]:
    """The dashboard."""
    return dict(json.loads((root / "config" / "grafana.json").read_text()))


@pytest.fixture(scope="module")
def expressions(dashboard: dict[str, Any]) -> list[str]:
    """What its panels ask Prometheus."""
    return [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]


def test_each_gauge_is_in_the_dashboard_and_each_metric_in_it_is_a_gauge(app: App, expressions: list[str]) -> None:
    used = {match["name"] for expression in expressions for match in _USED.finditer(expression)}
    assert used == {*app.offers("gauges"), _FAILED}


def test_it_asks_by_labels_that_the_gauges_have(app: App, expressions: list[str]) -> None:
    gauges = app.offers("gauges")
    for match in (match for expression in expressions for match in _USED.finditer(expression)):
        labels = {*(match["by"] or "").split(", "), match["label"]} - {"", None}
        assert labels <= set(gauges[match["name"]].labels if match["name"] in gauges else ()), match[0]


def test_no_two_panels_lie_upon_each_other_and_each_has_a_data_source_that_is_asked_for(dashboard: dict[str, Any]) -> None:
    (asked,) = dashboard["__inputs"]
    covered: set[tuple[int, int]] = set()
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not covered & cells, panel["title"]
        assert max(x for x, _ in cells) < 24
        assert panel["datasource"]["uid"] == f"${{{asked['name']}}}"
        covered |= cells
