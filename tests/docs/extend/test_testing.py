"""The tests of docs/extend/testing.md pass."""

from pathlib import Path

import pytest

from ...test_plugins.contract.test_outside_contract import run_suite
from ..pages import Page, write

pytestmark = pytest.mark.long

DOCS = Path(__file__).parents[3] / "docs" / "extend"
PLUGINS = {"notes": DOCS / "index.md", "dates": DOCS / "gallery" / "tools.md", "parcels": DOCS / "nodes.md"}
FILES = {"notes": 4, "runs": 2, "times": 1}


def test_the_tests_of_the_page_pass(tmp_path: Path) -> None:
    for plugin, page in PLUGINS.items():
        write(Page(page).files(), tmp_path / "plugins", f"{plugin}/")
    for name, text in Page(DOCS / "testing.md").files().items():
        (tmp_path / Path(name).name).write_text(text.replace("/srv/aasim/plugins", str(tmp_path / "plugins")))
    outcome = run_suite(tmp_path)
    failed = [test for tests in outcome.passed.values() for test, passed in tests.items() if not passed]
    assert failed == [], outcome.printed
    assert {name: len(tests) for name, tests in outcome.passed.items()} == FILES
