"""What one more node costs does not depend on how many there were before: counted in statements and rows that are read, not in time."""

import itertools
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import mean
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.context import organization_scope
from aasim_core.data.database import Database
from aasim_core.data.scope import mentions_tenants
from aasim_core.testing.world import Person
from aasim_plugins.executions.models import Execution

from .conftest import Shed, node, read, tool

#: Of so many rounds, the first and the last use a tool; five thousand instances are the most that a run has.
_ROUNDS, _CALLS = {"foreach": 2_499, "while": 999}, 12
_ENDS = f"index < {_CALLS} || index >= {{}} - {_CALLS}"
#: The first calls find nothing prepared.
_NOT_COUNTED = 4


@contextmanager
def metered(database: Database) -> Iterator[Counter[str]]:
    """Counts the statements that are run inside, and the rows that those return which only read."""
    counted, asking = Counter[str](), [False]

    def note(event: Any) -> None:
        if asking[0] or "set_config" in event.sql or event.sql == "BEGIN":
            return
        counted["statements"] += 1
        if event.sql.startswith("SELECT"):
            asking[0] = True
            count, confined = (
                f"SELECT count(*) FROM ({event.sql}) AS counted",  # noqa: S608 - made of what is run
                mentions_tenants(event.sql, database.tenant_tables),
            )
            counted["rows"] += database.run_rendered(count, event.params, confined, reads=True).fetchone()[0]
            asking[0] = False

    database.query_hooks.append(note)
    try:
        yield counted
    finally:
        database.query_hooks.remove(note)


def looped(kind: str, **config: Any) -> dict[str, Any]:
    """A loop whose first and last rounds use a tool, and whose others only compute."""
    rounds = _ROUNDS[kind]
    nodes = [node("is_end", "condition", when=_ENDS.format(rounds)), tool("pull", "pull")]
    ways = [{"from": "is_end", "to": "pull", "on": "true"}]
    if kind == "while":
        nodes += [node(id_) for id_ in ("one", "two", "three")]
        ways += [{"from": source, "to": target} for source, target in (("is_end", "one"), ("one", "two"), ("two", "three"))]
        ways[1]["on"] = "false"
        return node("loop", "while", when=f"index < {rounds}", max_iterations=rounds, body={"nodes": nodes, "edges": ways})
    return node("loop", "foreach", items="input", collect="none", body={"nodes": nodes, "edges": ways}, **config)


@pytest.mark.long
@pytest.mark.parametrize(
    "loop",
    [
        pytest.param(looped("while"), id="a-chain"),
        pytest.param(looped("foreach", concurrency=1), id="items-after-each-other"),
        pytest.param(looped("foreach", concurrency=4), id="items-at-the-same-time"),
    ],
)
def test_one_more_node_costs_the_same_at_five_thousand_instances_as_at_ten(
    app: App, owner: Person, make: Any, work: Any, shed: Shed, loop: dict[str, Any]
) -> None:
    workflow, before = make([loop]), list[Counter[str]]()
    with metered(app.database) as counted:
        shed.does["pull"] = lambda use: before.append(counted.copy())
        given = list(range(_ROUNDS["foreach"]))
        run = owner.client.post(f"/workflows/{workflow['id']}/execute", {"input": given}).data["id"]
        work()
    assert read(owner, run)["execution"]["status"] == "succeeded"
    assert len(before) == 2 * _CALLS
    first, last = (costs(before[start : start + _CALLS - _NOT_COUNTED]) for start in (_NOT_COUNTED, _CALLS + _NOT_COUNTED))
    assert {what: last[what] <= 1.2 * cost for what, cost in first.items()} == {"statements": True, "rows": True}, (first, last)


def costs(before: list[Counter[str]]) -> dict[str, float]:
    """What each call has cost, on an average."""
    return {what: mean(two[what] - one[what] for one, two in itertools.pairwise(before)) for what in before[0]}


@pytest.mark.long
def test_a_loop_holds_no_more_at_once_than_it_may_and_begins_nothing_after_a_cancel(
    owner: Person, make: Any, work: Any, shed: Shed
) -> None:
    each = node("each", "foreach", items="input", concurrency=16, body={"nodes": [tool("pull", "pull")]})
    workflow, going_on = make([each]), list[int]()
    run = owner.client.post(f"/workflows/{workflow['id']}/execute", {"input": list(range(5_000))}).data["id"]

    def pull(use: Any) -> None:
        going_on.append(Execution.select().where(Execution.parent_id == run, Execution.finished_at.is_null()).count())
        if len(going_on) == 40:
            assert owner.client.post(f"/executions/{run}/cancel", {}).status == 200

    shed.does["pull"] = pull
    work()
    assert (max(going_on), len(going_on)) == (16, 40)
    assert read(owner, run)["execution"]["status"] == "cancelled"
    with organization_scope(owner.organization_id):
        ended = Execution.select(Execution.status).where(Execution.parent_id == run)
        assert {each.status for each in ended} == {"succeeded", "cancelled"}
