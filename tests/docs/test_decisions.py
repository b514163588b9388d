"""A decision takes ten lines: the problem, what is done, what it costs."""

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "decisions.md"
#: The lines of each decision, by its heading.
DECISIONS = {
    heading: [line for line in text.splitlines() if line]
    for heading, text in re.findall(r"^## (.*)\n\n((?:(?!## ).*\n)*)", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
}


@pytest.mark.parametrize("heading", DECISIONS)
def test_a_decision_has_ten_lines_at_most(heading: str) -> None:
    assert 1 <= len(DECISIONS[heading]) <= 10
    assert max(map(len, DECISIONS[heading])) <= 160


def test_no_heading_stands_twice() -> None:
    assert len(DECISIONS) == PAGE.read_text(encoding="utf-8").count("\n## ")
