"""The examples in Python and TypeScript, which the site shows in tabs, do what the pages say, as those with curl do."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from ...clients.toolbox import installed
from ..pages import Page, Step
from ..running import Platform
from .alike import json_differences, line_differences
from .programs import program
from .test_examples import WITHOUT_MODEL, person_of

pytestmark = pytest.mark.long

_ENDINGS = {"Python": ".py", "TypeScript": ".ts"}
_COMPILER = {
    "compilerOptions": {
        "strict": True, "module": "nodenext", "moduleDetection": "force", "target": "es2023", "types": ["node"],
        "lib": ["es2023", "dom", "dom.iterable", "dom.asynciterable"],
    }
}  # fmt: skip


def test_the_examples_in_python_work(new_platform: Platform, pages: Mapping[str, Page], tmp_path: Path) -> None:
    scripts = written(new_platform, pages, "Python", tmp_path)
    found = [line for page, path in scripts.items() for line in faults(new_platform, pages[page], [sys.executable, str(path)])]
    assert not found, "\n".join(found)


def test_the_examples_in_typescript_work_and_are_typed_strictly(
    new_platform: Platform, pages: Mapping[str, Page], tmp_path: Path
) -> None:
    scripts = written(new_platform, pages, "TypeScript", tmp_path)
    compile_in(tmp_path)
    found = [
        line
        for page, path in scripts.items()
        for line in faults(new_platform, pages[page], ["node", str(path.with_suffix(".js"))])
    ]
    assert not found, "\n".join(found)


def written(platform: Platform, pages: Mapping[str, Page], language: str, folder: Path) -> dict[str, Path]:
    """A program for each page, whose person is registered, by the page's name."""
    paths = {name: folder / f"{person_of(pages[name])}{_ENDINGS[language]}" for name in WITHOUT_MODEL if pages[name].blocks("sh")}
    for name, path in paths.items():
        platform.introduce(path.stem, pages[name])
        path.write_text(platform.here(path.stem, program(language, list(pages[name].steps()))), encoding="utf-8")
    return paths


def compile_in(folder: Path) -> None:
    """Compile the programs of a folder to JavaScript; what the compiler has to say about one of them fails the test."""
    tools = installed()
    (folder / "node_modules").symlink_to(tools.folder / "node_modules")
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "tsconfig.json").write_text(json.dumps(_COMPILER))
    compiled = tools.run("tsc", "--project", folder, cwd=folder)
    assert compiled.returncode == 0, compiled.stdout


def faults(platform: Platform, page: Page, command: Sequence[str]) -> list[str]:
    """What a program does otherwise than the page says."""
    steps = list(page.steps())
    try:
        outputs = platform.outputs(command, Path(command[-1]).stem, steps)
    except (AssertionError, subprocess.TimeoutExpired) as failure:
        return [f"{page.path.name}: {failure}"]
    return [
        f"{page.path.name}, line {step.line}: {line}"
        for step, text in zip(steps, outputs, strict=True)
        for line in differences(step, text)
    ]


def differences(step: Step, printed: str) -> Iterator[str]:
    """How what was printed differs from what is shown; the order of headers and how JSON is spaced differ between languages."""
    shown, printed = _even(step.shown or ""), _even(printed)
    if step.language == "json":
        yield from json_differences(shown, printed)
    elif step.language == "http":
        yield from (line for header in shown.splitlines() for line in line_differences(header.removeprefix("HTTP/1.1 "), printed))
    else:
        yield from line_differences(shown, printed)


def _even(text: str) -> str:
    """A text in which a line of JSON stands as each language writes it; TypeScript has no 1.0."""
    return "\n".join(re.sub(r"\b(\d+)\.0\b", r"\1", _spaced(line)) for line in text.splitlines())


def _spaced(line: str) -> str:
    try:
        return json.dumps(json.loads(line), ensure_ascii=False)
    except ValueError:
        return line
