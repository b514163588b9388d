"""The changelog says each thing once."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_no_entry_of_the_changelog_stands_twice() -> None:
    entries = re.findall(r"^- .*(?:\n  .*)*", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert [entry for number, entry in enumerate(entries) if entry in entries[:number]] == []
