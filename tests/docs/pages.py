"""The pages of the documentation, and the blocks of commands and output in them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"^`([\w/.-]+)`(?:, further)?:\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
#: Languages of blocks that show what the commands before them print.
OUTPUTS = ("json", "http", "text")


@dataclass(frozen=True)
class Step:
    """Commands of a page, and what the page says that they print; `language` tells how to compare it."""

    line: int
    commands: str
    shown: str | None = None
    language: str = ""


@dataclass(frozen=True)
class Page:
    """One page."""

    path: Path

    @property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    def blocks(self, language: str) -> list[str]:
        """The content of every block in that language."""
        return [content for found, content in _FENCE.findall(self.text) if found == language]

    def steps(self) -> Iterator[Step]:
        """Every ``sh`` block, with the output block that follows it directly."""
        text = self.text
        fences = list(_FENCE.finditer(text))
        for fence, following in pairwise([*fences, None]):
            if fence[1] == "sh":
                line = text.count("\n", 0, fence.start()) + 1
                is_output = following and following[1] in OUTPUTS and not text[fence.end() : following.start()].strip()
                yield Step(line, fence[2], following[2], following[1]) if is_output else Step(line, fence[2])

    def files(self) -> dict[str, str]:
        """The files that the page has its reader write: each named in the line before its block; one that goes on "further" is joined."""
        written: dict[str, str] = {}
        for name, text in _FILE.findall(self.text):
            written[name] = written.get(name, "") + text
        return written

    def links(self) -> list[str]:
        """The targets of every link, outside of code."""
        prose = re.sub(r"`[^`\n]*`", "", _FENCE.sub("", self.text))
        return re.findall(r"\]\(([^)\s]+)\)", prose)

    def anchors(self) -> set[str]:
        """What links to this page may name after a #."""
        headings = re.findall(r"^#+ (.+)$", _FENCE.sub("", self.text), re.MULTILINE)
        return {anchor_of(heading) for heading in headings}


def anchor_of(heading: str) -> str:
    """The anchor that a heading gets where Markdown is shown as a page."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
    return re.sub(r"[^\w\- ]", "", plain.lower()).strip().replace(" ", "-")


def write(files: Mapping[str, str], place: Path, folder: str = "") -> None:
    """Write the files of a page below `place`, or only those in its `folder`."""
    for name, text in files.items():
        if name.startswith(folder):
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_text(text, encoding="utf-8")


def pages_of(root: Path) -> Mapping[str, Page]:
    """Every page of the documentation, by its path in the checkout."""
    files = [*root.glob("*.md"), *(root / "docs").rglob("*.md"), *(root / "plugins").glob("*/README.md")]
    return {str(file.relative_to(root)): Page(file) for file in sorted(files)}
