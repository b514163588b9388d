"""Schemathesis, a referee from elsewhere, sends what the document allows and what it does not, and finds only what is expected."""

import base64
import json
import os
import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from ..processes.installation import Installation
from .cases import created
from .conftest import served
from .toolbox import HERE, Toolbox

pytestmark = pytest.mark.long

#: Whether to send everything, for more than half an hour, as CONTRIBUTING.md says.
_WHOLE = os.environ.get("SCHEMATHESIS") == "whole"
_EMAIL, _PASSWORD = "ada@example.org", "correct horse battery staple 77"
#: For each operation; each phase sends more.
_EXAMPLES = 60 if _WHOLE else 25
_PHASES = "examples,coverage,fuzzing" if _WHOLE else "examples,fuzzing"
_FEWEST = 40_000 if _WHOLE else 4_000
#: What is broken in a request, as the check says it: named parameters, fields by their pointer, or else the whole line.
_BROKEN = re.compile(
    r"`([^`]+)`(?=[^\n]* in (?:header|query|path)\b)"
    r"|violates [^\n]* at /properties/([^\s/]+)"
    r"|- (\w+: violates (?![^\n]* at /properties/)[^\n]*)"
)
_UNKNOWN_PARAMETER = "query: violates `additionalProperties`"


@dataclass(frozen=True)
class Finding:
    """What a check says of an answer, with one of the codes of its errors and one of what is broken in the request."""

    check: str
    operation: str
    code: str
    broken: str
    says: str = field(compare=False)

    def is_of(self, kind: Any) -> bool:
        """Whether the kind's reason is that of this finding."""
        return (
            self.check == kind["check"]
            and kind.get("code", self.code) == self.code
            and self.broken in kind.get("broken", [self.broken])
            and fnmatch(self.operation, kind.get("operation", "*"))
        )


@pytest.fixture
def tried(tmp_path: Path, workshop: Path) -> Iterator[Installation]:
    """An installation of this test's own, with an owner and objects, whose logs are looked through at the end."""
    with served(tmp_path / "tried") as installation:
        owner = installation.visitor.register(email=_EMAIL, password=_PASSWORD)
        ids = {"execution_id": owner.execute(owner.agent("Done."))}
        for path in created(owner).values():
            ids |= path
        settings = (HERE / "schemathesis.toml").read_text(encoding="utf-8")
        (workshop / "schemathesis.toml").write_text(settings + drawn_from(ids), encoding="utf-8")
        yield installation


def drawn_from(ids: Mapping[str, str]) -> str:
    """Settings by which half of the ids in paths are those of objects that are there: what random ones never are."""
    parameters = (f'"path.{name}" = {{ dictionary = "{name}", probability = 0.5 }}\n' for name in ids)
    dictionaries = (f'[dictionaries.{name}]\nvalues = ["{value}"]\n' for name, value in ids.items())
    return "".join(("\n[parameters]\n", *parameters, *dictionaries))


def test_schemathesis_finds_only_what_is_expected(tools: Toolbox, workshop: Path, tried: Installation) -> None:
    events = workshop / "events.ndjson"
    said = tools.run(
        "st", "run", "openapi.json", "--url", f"http://127.0.0.1:{tried.port}", "--checks", "all", "--phases", _PHASES,
        "--max-examples", str(_EXAMPLES), "--seed", "41177", "--report", "ndjson", "--report-ndjson-path", str(events),
        cwd=workshop, seconds=7200, OWNER_EMAIL=_EMAIL, OWNER_PASSWORD=_PASSWORD,
    )  # fmt: skip
    scenarios = list(scenarios_of(events))
    findings = {finding for scenario in scenarios for finding in findings_of(scenario)}
    cases = sum(len(scenario["cases"]) for scenario in scenarios)
    tell(cases, scenarios)
    kinds = tomllib.loads((HERE / "schemathesis_expected.toml").read_text(encoding="utf-8"))["kind"]
    assert [finding for finding in findings if not any(finding.is_of(kind) for kind in kinds)] == []
    due = [kind for kind in kinds if _WHOLE or not kind.get("whole")]
    assert [kind for kind in due if not any(finding.is_of(kind) for finding in findings)] == []
    assert cases >= _FEWEST, said.stdout[-3000:]


def scenarios_of(events: Path) -> Iterator[Any]:
    """What was recorded of each phase of each operation; AssertionError for what could not be tried."""
    with events.open(encoding="utf-8") as lines:
        for line in lines:
            [(name, event)] = json.loads(line).items()
            assert name not in ("FatalError", "NonFatalError"), event
            if name == "ScenarioFinished":
                yield event["recorder"]


def findings_of(scenario: Any) -> Iterator[Finding]:
    """What the checks found."""
    for case, checks in scenario["checks"].items():
        interaction = scenario["interactions"].get(case) or {}
        codes = codes_of(interaction.get("response"))
        for check in checks:
            if check["status"] == "failure":
                says = check["failure_info"]["failure"]["message"]
                broken = {name for names in _BROKEN.findall(says) for name in names if name} or {""}
                broken -= unsent(scenario["cases"][case]["value"], interaction)
                yield from (Finding(check["name"], scenario["label"], *of, says) for of in product(codes or {""}, broken))


def unsent(case: Any, interaction: Any) -> set[str]:
    """What is broken in a case, and was not sent: an unknown parameter of the query whose value is an empty object or list."""
    if not (query := case.get("query")) or not interaction:
        return set()
    sent = parse_qs(urlsplit(interaction["request"]["uri"]).query, keep_blank_values=True)
    return set() if set(query) <= set(sent) else {_UNKNOWN_PARAMETER}


def codes_of(answer: Any) -> set[str]:
    """The codes of the errors in an answer; none if it is another one."""
    try:
        body = json.loads(base64.b64decode(answer["content"]["$base64"]))
        return {problem["code"] for problems in body["errors"].values() for problem in problems}
    except (KeyError, TypeError, ValueError):
        return set()


def tell(cases: int, scenarios: list[Any]) -> None:
    """Print, for whoever reads the output with ``pytest -s``, how often each check was made, and how often it found something."""
    made: Counter[str] = Counter()
    found: Counter[str] = Counter()
    for checks in (checks for scenario in scenarios for checks in scenario["checks"].values()):
        made.update(check["name"] for check in checks)
        found.update(check["name"] for check in checks if check["status"] == "failure")
    print(f"{cases} cases", *(f"{name}: {count}, {found[name]} found" for name, count in sorted(made.items())), sep="\n")  # noqa: T201
