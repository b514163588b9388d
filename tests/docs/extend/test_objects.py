"""The plugin of docs/extend/objects.md passes the tests that the page has, and keeps the contract."""

from pathlib import Path
from textwrap import indent

import pytest

from ...test_plugins.contract.test_outside_contract import run_suite
from ..gallery.test_contract import CONTRACT
from ..pages import Page, write

pytestmark = pytest.mark.long

PAGE = Page(Path(__file__).parents[3] / "docs" / "extend" / "objects.md")
SAMPLES = indent(next(block for block in PAGE.blocks("py") if block.startswith("samples")), "    ")
CONFTEST = """
import pytest


@pytest.fixture(scope="session")
def plugin_settings():
    return {{"plugins.enabled": ["supplies"], "plugins.folder": "{folder}"}}
"""


def test_the_plugin_of_the_page_passes_its_tests_and_keeps_the_contract(tmp_path: Path) -> None:
    files = PAGE.files()
    write(files, tmp_path / "plugins", "supplies/")
    contract = CONTRACT.format(plugin="supplies", folder=tmp_path / "plugins", more=SAMPLES)
    (tmp_path / "test_supplies.py").write_text(f"{contract}\n\n{files['tests/test_supplies.py']}")
    (tmp_path / "conftest.py").write_text(CONFTEST.format(folder=tmp_path / "plugins"))
    outcome = run_suite(tmp_path)
    passed = outcome.passed["supplies"]
    assert [test for test, is_passed in passed.items() if not is_passed] == [], outcome.printed
    assert len(passed) > 30
    assert "test_nobody_takes_more_than_there_is" in passed
