"""An app with engines and nothing that builds on them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

ON = {"auth", "engines", "engine_local", "engine_openai", "engine_scripted"}


@pytest.fixture(scope="session")
def plugin_settings() -> Mapping[str, Any]:
    """Every other bundled plugin is off."""
    bundled = {file.parent.name for file in (Path(__file__).parents[2] / "plugins").glob("*/__init__.py")}
    return {"plugins.disabled": sorted(bundled - ON)}
