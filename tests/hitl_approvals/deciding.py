"""How a person decides an approval, and which of them wait for that."""

from collections.abc import Callable

from aasim_core.testing.world import Person

Ask = Callable[..., str]


def approve(person: Person, approval_id: str) -> int:
    return person.client.post(f"/hitl-approvals/{approval_id}/approve", {}).status


def inbox(person: Person) -> list[str]:
    return [item["id"] for item in person.client.get("/hitl-approvals/pending").data["items"]]
