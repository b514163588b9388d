"""Clients that are generated from the document: they compile, have types, and change what they are told to and nothing else."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from ..processes.client import API, Client
from .cases import CASES, Case, created
from .conftest import run_node, run_python
from .toolbox import Toolbox

pytestmark = pytest.mark.long

#: Files of models for each operation. There were 799 for 299 operations: one a schema, of which 101 are envelopes of objects,
#: 150 envelopes, pages and items of lists, 140 bodies with what is within, and 140 enumerations of fields. Fewer need schemas that
#: say less.
_MOST_MODELS = 3
_ANY_OF_PYTHON = r"^    (\w+): (?:list\[)?Any\]?(?: \| None)?(?: \| Unset = UNSET)?$"
_ANY_OF_TYPESCRIPT = r"^ +(\w+)\??: \(?unknown(?: \| null)?\)?(?:\[\])?;$"
#: Reads a problem of an answer, and writes it again.
_READ = """
import json, sys
from aasim_client.models.problem import Problem
json.dump(Problem.from_dict(json.load(sys.stdin)).to_dict(), sys.stdout)
"""
#: What every change moves.
_COUNTED = frozenset(("version", "updated_at"))


def operations(document: Any) -> Iterator[tuple[str, str, Any]]:
    """Path, method and description of each operation."""
    for path, described in document["paths"].items():
        yield from ((path.removeprefix(API), method, one) for method, one in described.items() if method != "parameters")


@pytest.fixture(scope="module")
def objects(owner: Client) -> Mapping[str, Mapping[str, str]]:
    """The ids of the path of each case's object, which are made now."""
    return created(owner)


def test_every_resource_with_a_patch_is_tried(document: Any) -> None:
    assert {case.collection for case in CASES} == {path for path, method, _ in operations(document) if method == "patch"}


def test_each_case_has_every_field_that_a_patch_takes(document: Any) -> None:
    patches = {path: one for path, method, one in operations(document) if method == "patch"}
    absent = {case.collection: fields_of(patches[case.collection], document) - case.create.keys() for case in CASES}
    assert {collection: names for collection, names in absent.items() if names} == {}


def fields_of(described: Any, document: Any) -> set[str]:
    """The names of the fields of the operation's body."""
    [content] = described["requestBody"]["content"].values()
    return set(document["components"]["schemas"][content["schema"]["$ref"].rpartition("/")[2]]["properties"])


def test_the_python_client_has_few_models_and_types_where_the_document_has_them(python_client: Path, document: Any) -> None:
    models = list((python_client / "models").glob("*.py"))
    assert 100 < len(models) <= _MOST_MODELS * len(list(operations(document)))
    assert [path.name for path in models if re.search(r"\d", path.stem)] == []
    untyped = {name for path in models for name in re.findall(_ANY_OF_PYTHON, path.read_text(), re.M)}
    assert {name.removesuffix("_") for name in untyped} <= free_fields(document)


def test_the_typescript_client_has_types_where_the_document_has_them(typescript_client: Path, document: Any) -> None:
    untyped = set(re.findall(_ANY_OF_TYPESCRIPT, typescript_client.read_text(), re.M))
    assert "input" in untyped and untyped <= free_fields(document)


def free_fields(document: Any) -> set[str]:
    """The names of the fields that are any JSON."""
    schemas = document["components"]["schemas"].values()
    return {name for schema in schemas for name, shape in schema.get("properties", {}).items() if is_free(shape)}


def is_free(shape: Any) -> bool:
    """Whether any JSON is meant."""
    return not shape.keys() & {"type", "$ref", "anyOf", "const"} or shape.get("anyOf") == [{}, {"type": "null"}]


def test_the_python_client_is_typed_strictly(tools: Toolbox, python_client: Path, workshop: Path) -> None:
    checked = tools.run("mypy", "--strict", "--cache-dir", workshop / "mypy", python_client, cwd=workshop)
    assert checked.returncode == 0, checked.stdout[-3000:]


def test_a_patch_through_the_python_client_changes_what_it_names_and_nothing_else(
    tools: Toolbox, python_client: Path, workshop: Path, owner: Client, objects: Any, document: Any
) -> None:
    changes = list(changes_of(objects, document))
    told = {"url": f"http://127.0.0.1:{owner.port}", "token": owner.token, "changes": [change for _, change in changes]}
    results = run_python(tools, workshop, "patch_each.py", told)
    for (case, change), (before, after) in zip(changes, results, strict=True):
        assert_changed(case, change["fields"], before, after)


def test_the_python_client_takes_values_of_later_releases(tools: Toolbox, python_client: Path, workshop: Path) -> None:
    script = workshop / "later.py"
    script.write_text(_READ)
    problem = {"code": "too_dreamy", "message": "Wake up."}
    assert run_python(tools, workshop, script.name, problem) == problem


def changes_of(objects: Any, document: Any) -> Iterator[tuple[Case, dict[str, Any]]]:
    """Each change of each case, with the operation that makes it."""
    patches = {path: described for path, method, described in operations(document) if method == "patch"}
    for case in CASES:
        described = patches[case.collection]
        for fields in case.changes:
            yield case, {
                "tag": described["tags"][0], "operation": described["operationId"], "ids": objects[case.collection], "fields": fields,
            }  # fmt: skip


def assert_changed(case: Case, fields: Mapping[str, Any], before: Any, after: Any) -> None:
    """What the change names is as it says, and everything else that a client writes is as it was."""
    for name in case.create.keys() & before.keys():
        wanted = fields.get(name, before[name])
        if isinstance(wanted, dict) and name in fields:
            wanted = merged(before[name], wanted)
        assert after[name] == wanted, f"{case.collection}: {fields} made {name} {after[name]}, and it was {before[name]}"
    assert {name for name in before if before[name] != after[name]} - _COUNTED - fields.keys() <= {"agent_version", "used_by"}, (
        case.collection
    )


def merged(whole: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """The object as the patch leaves it."""
    return {
        **whole, **{name: merged(whole[name], value) if isinstance(value, dict) else value for name, value in patch.items()}
    }  # fmt: skip


def test_the_typescript_client_compiles_strictly_and_changes_what_it_is_told_to_and_nothing_else(
    tools: Toolbox, typescript_client: Path, workshop: Path, owner: Client, objects: Any, document: Any
) -> None:
    changes = [(case, {**change, "fields": again(change["fields"])}) for case, change in changes_of(objects, document)]
    (workshop / "changes.ts").write_text(program(changes))
    compiled = tools.run("tsc", "--project", ".", cwd=workshop)
    assert compiled.returncode == 0, compiled.stdout[-3000:]
    results = run_node(workshop, "changes.js", {"url": f"http://127.0.0.1:{owner.port}", "token": owner.token})
    for (case, change), (before, after) in zip(changes, results, strict=True):
        assert_changed(case, change["fields"], before, after)


def again(value: Any) -> Any:
    """Other values of the same types."""
    if isinstance(value, dict):
        return {name: again(each) for name, each in value.items()}
    return not value if isinstance(value, bool) else value + 1 if isinstance(value, int) else f"{value} again"


def program(changes: list[tuple[Case, dict[str, Any]]]) -> str:
    """TypeScript that makes each change, with each path and body written out, so that the compiler checks them."""
    lines = ['import { client, dataOf } from "./ask.js";', "const results: unknown[][] = [];"]
    for case, change in changes:
        path, parameters = json.dumps(API + case.collection), f"params: {{ path: {json.dumps(change['ids'])} }}"
        lines += [
            "{",
            f"  const before = dataOf(await client.GET({path}, {{ {parameters} }}));",
            f"  dataOf(await client.PATCH({path}, {{ {parameters}, body: {json.dumps(change['fields'])} }}));",
            f"  results.push([before, dataOf(await client.GET({path}, {{ {parameters} }}))]);",
            "}",
        ]
    return "\n".join([*lines, "console.log(JSON.stringify(results));", ""])
