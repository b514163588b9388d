"""What the tests of the API share."""

from typing import Any

import pytest

from aasim_core.bootstrap import build_app
from aasim_core.openapi import document
from aasim_core.testing.apps import settings_in


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The document with every bundled plugin on; no database is opened."""
    return document(build_app(settings_in(tmp_path_factory.mktemp("all-on"), {})))
