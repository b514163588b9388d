"""The page about the doctor names every check, with the state in which it ends where it fails."""

import re
from pathlib import Path

from aasim_core.app import App
from aasim_core.builtin.health import core_checks
from aasim_core.diagnosis.examination import CHECKS


def test_the_page_names_every_check_with_its_state(app: App, root: Path) -> None:
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \|", (root / "docs" / "operate" / "doctor.md").read_text(), re.MULTILINE)
    asked = [
        *((name, critical) for name, critical in CHECKS),
        *((c.name, c.critical) for c in core_checks(app) if not c.of_process),
    ]
    assert rows == [(name, "wrong" if critical else "warning") for name, critical in asked]
