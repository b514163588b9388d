"""Whatever is sent, the API answers with the envelope and a status that it documents."""

from pathlib import Path

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck

from aasim_core.app import build_app
from aasim_core.data import migrations
from aasim_core.http.application import make_wsgi
from aasim_core.testing.apps import settings_in
from aasim_core.testing.world import World

pytestmark = pytest.mark.long

_CASES_PER_OPERATION = 80


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> tuple[object, str]:
    """The WSGI application over a database of its own, and an owner's token."""
    folder: Path = tmp_path_factory.mktemp("fuzzed")
    app = build_app(settings_in(folder, {}, **{"database.durability": "normal"}))
    migrations.migrate(app.database, app.migration_sources)
    wsgi = make_wsgi(app)
    with app.database.connected():
        owner = World(app, wsgi).organization()
    return wsgi, str(owner.client.token)


@pytest.fixture
def schema(fuzzed: tuple[object, str]) -> schemathesis.BaseSchema:
    """The document as the application serves it."""
    return schemathesis.openapi.from_wsgi("/api/v1/openapi.json", fuzzed[0])


lazy = schemathesis.pytest.from_fixture("schema")


@lazy.exclude(path_regex="/docs").parametrize()
@hypothesis.settings(max_examples=_CASES_PER_OPERATION, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_answer_is_as_documented(case: schemathesis.Case, fuzzed: tuple[object, str]) -> None:
    response = case.call(headers={"Authorization": f"Bearer {fuzzed[1]}"})
    case.validate_response(response, excluded_checks=_not_ours())
    assert response.status_code < 500, response.text


def _not_ours() -> list[object]:
    """Checks that are about other promises than ours: a schema says less than the rules of the feature."""
    from schemathesis.checks import CHECKS

    return [check for check in CHECKS.get_all() if check.__name__ in ("positive_data_acceptance", "negative_data_rejection")]
