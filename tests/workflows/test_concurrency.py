"""How many runs of a workflow, or of what its input is about, go on at the same time."""

from collections.abc import Callable
from typing import Any

import pytest

from aasim_core.testing.world import Client, Person

from .conftest import node

Work = Callable[[], int]
_NODES = [node("paid", "wait", signal={"name": "paid"})]


def start(client: Client, workflow: dict[str, Any], given: Any) -> Any:
    """Start a run; its answer."""
    return client.post(f"/workflows/{workflow['id']}/execute", {"input": given})


def status(client: Client, execution: Any) -> tuple[str, str | None]:
    """How it stands with a run."""
    told = client.get(f"/executions/{execution.data['id']}").data
    return told["status"], told["waiting_for"]


@pytest.mark.long
def test_a_run_waits_until_another_one_has_ended(owner: Person, make: Any, work: Work) -> None:
    workflow = make(_NODES, concurrency={"limit": 1})
    first, second = start(owner.client, workflow, None), start(owner.client, workflow, None)
    work()
    assert (status(owner.client, first), status(owner.client, second)) == (("waiting", "signal"), ("queued", "admission"))
    owner.client.post(f"/executions/{first.data['id']}/signals", {"name": "paid"})
    work()
    assert (status(owner.client, first), status(owner.client, second)) == (("succeeded", None), ("waiting", "signal"))


def test_runs_about_different_things_do_not_wait_for_each_other(owner: Person, make: Any, work: Work) -> None:
    workflow = make(_NODES, concurrency={"limit": 1, "key": "input.customer", "policy": "refuse"})
    assert [start(owner.client, workflow, {"customer": name}).status for name in ("ada", "bob", "ada")] == [202, 202, 429]


def test_an_input_without_what_it_is_about_is_refused(owner: Person, make: Any) -> None:
    workflow = make(_NODES, concurrency={"limit": 1, "key": "input.customer"})
    assert start(owner.client, workflow, {}).codes == {"input": ["invalid_format"]}
