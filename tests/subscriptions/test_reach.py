"""Plans and usage are the organization's: a permission at a department is not enough."""

import pytest

from aasim_core.testing.world import Person, World


@pytest.fixture
def head(world: World, owner: Person) -> Person:
    """The admin of a department."""
    return world.member(owner, "admin", world.node(owner, "department"))


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/subscriptions/subscribe", {"plan_id": "team"}),
        ("POST", "/subscriptions/cancel", {"at": "now"}),
        ("GET", "/subscriptions/current", None),
        ("GET", "/subscriptions/usage?group_by=project", None),
        ("GET", "/subscriptions/usage/2026-01-01", None),
    ],
)
def test_the_admin_of_a_department_is_refused_with_what_is_missing(
    head: Person, method: str, path: str, body: dict[str, str] | None
) -> None:
    answer = head.client.ask(method, path, body)
    assert (answer.status, answer.codes) == (403, {"_": ["permission_denied"]})
    assert answer.body["message"].endswith(" in the whole organization.")


def test_the_admin_of_a_department_reads_the_plans(head: Person) -> None:
    assert head.client.get("/subscriptions").data["items"]
