"""What linters of OpenAPI documents say of ours: nothing, but for what their settings here except with a reason."""

from pathlib import Path

import pytest

from .toolbox import Toolbox

pytestmark = pytest.mark.long


def test_redocly_finds_nothing(tools: Toolbox, workshop: Path) -> None:
    done = tools.run("redocly", "lint", "--config", "redocly.yaml", "--format=json", "openapi.json", cwd=workshop)
    assert done.returncode == 0, done.stdout
    assert '"errors": 0' in done.stdout and '"warnings": 0' in done.stdout, done.stdout


def test_spectral_and_the_owasp_rules_find_nothing(tools: Toolbox, workshop: Path) -> None:
    arguments = ("lint", "--ruleset", "spectral.yaml", "--fail-severity=warn", "--format=text", "openapi.json")
    done = tools.run("spectral", *arguments, cwd=workshop)
    assert done.returncode == 0, done.stdout
