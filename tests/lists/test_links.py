"""The header Link of a list: where its neighbours are."""

import re

import pytest

from aasim_core.lists.paging import Page
from aasim_core.testing.world import World


def page(*, next_cursor: str | None = None, prev_cursor: str | None = None) -> Page:
    return Page(("id",), [], 25, next_cursor is not None, next_cursor, prev_cursor)


def test_the_links_lead_to_both_neighbours_with_the_same_question() -> None:
    links = page(next_cursor="n1", prev_cursor="p1").links("/api/v1/agents", "status=active&cursor=old&limit=2")
    assert links == (
        '</api/v1/agents?status=active&limit=2&cursor=n1>; rel="next", '
        '</api/v1/agents?status=active&limit=2&cursor=p1>; rel="prev"'
    )


def test_the_only_page_has_no_links() -> None:
    assert page().links("/api/v1/agents", "limit=2") == ""


def test_a_question_cannot_end_the_link() -> None:
    assert page(next_cursor="n1").links("/a", "q=>;").startswith("</a?q=%3E;&cursor=n1>")


@pytest.mark.long
def test_following_the_links_walks_the_whole_list(world: World) -> None:
    client = world.organization().client
    names = [client.post("/agents", {"name": f"Agent {number}"}).data["name"] for number in range(5)]
    found, path = [], "/agents?limit=2&sort=name&fields=name"
    while path:
        answer = client.get(path)
        found += [item["name"] for item in answer.data["items"]]
        following = re.search(r'</api/v1(.*?)>; rel="next"', answer.headers.get("link", ""))
        path = following[1] if following else ""
    assert found == names
