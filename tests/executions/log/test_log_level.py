"""How much of what was said an organization has in the logs of its executions."""

from collections.abc import Callable
from typing import Any

import pytest

from aasim_core.testing.world import Person

Make = Callable[..., dict[str, Any]]
Work = Callable[[], int]
_SAID = "The parcel is at the neighbour's."


def log_of(owner: Person, agent: dict[str, Any], work: Work) -> list[dict[str, Any]]:
    execution = owner.client.post(f"/agents/{agent['id']}/execute", {"input": "x"}).data
    work()
    log = owner.client.get(f"/executions/{execution['id']}/logs").data
    assert log["ended"] is True
    return list(log["entries"])


def settle(owner: Person, level: str) -> None:
    path = f"/organizations/{owner.organization_id}"
    assert owner.client.patch(path, {"settings": {"executions": {"log_level": level}}}).status == 200


def test_everything_is_kept_unless_the_organization_wants_less(owner: Person, scripted: Make, work: Work) -> None:
    log = log_of(owner, scripted(_SAID), work)
    assert [line["message"] for line in log][1] == _SAID


def test_what_happened_is_kept_without_what_was_said(owner: Person, scripted: Make, work: Work) -> None:
    settle(owner, "meta")
    log = log_of(owner, scripted(_SAID), work)
    assert [(line["event"], line["message"]) for line in log] == [
        ("engine_called", "An engine is called."),
        ("engine_replied", "The engine has answered."),
        ("succeeded", "The run succeeded."),
    ]
    assert log[1]["data"]["finish"] == "stop"


def test_a_failure_is_kept_by_its_code(owner: Person, scripted: Make, work: Work) -> None:
    settle(owner, "meta")
    schema = {"type": "object", "required": ["secret-name"]}
    last = log_of(owner, scripted("{}", output_schema=schema), work)[-1]
    assert (last["event"], last["message"], last["data"]) == ("failed", "The run failed.", {"code": "output_not_valid"})


def test_nothing_is_kept(owner: Person, scripted: Make, work: Work) -> None:
    settle(owner, "none")
    assert log_of(owner, scripted(_SAID), work) == []


def test_what_looks_like_a_key_is_masked(owner: Person, scripted: Make, work: Work) -> None:
    key = "aasim_sk_" + "a" * 8 + "_" + "b" * 38
    log = log_of(owner, scripted(f"Use {key} for it."), work)
    assert key not in str(log)
    assert log[1]["message"] == "Use *** for it."


@pytest.mark.parametrize("level", ["all", 3])
def test_another_level_is_refused(owner: Person, level: Any) -> None:
    answer = owner.client.patch(f"/organizations/{owner.organization_id}", {"settings": {"executions": {"log_level": level}}})
    assert answer.status == 422
