"""Reviews are by those who have bought a listing and run their copy; the seller answers without learning who they are."""

from collections.abc import Callable
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.testing.world import Person, World
from aasim_core.worker.runner import work_off

from . import corpus
from .conftest import LOG, Make, buy


@pytest.fixture
def offered(seller: Person, agent: Make, listing: Make) -> dict[str, Any]:
    """A listing of an agent that succeeds at once."""
    engine_id = seller.client.get("/engines?provider=scripted").data["items"][0]["id"]
    made = agent(parameters={"echo": True}, engine_id=engine_id)
    return dict(listing(agent_id=made["id"]))


@pytest.fixture
def run(app: App) -> Callable[[Person, dict[str, Any]], None]:
    """Buys the listing and lets the copy succeed once."""

    def act(person: Person, listing: dict[str, Any]) -> None:
        engine_id = person.client.get("/engines?provider=scripted").data["items"][0]["id"]
        purchase = buy(person, listing["id"], engine_id=engine_id).data["purchase"]
        person.client.post(f"/agents/{purchase['agent_id']}/execute", {"input": "Hello."})
        work_off(app)

    return act


def test_only_who_has_bought_and_run_it_reviews_it(app: App, seller: Person, buyer: Person, offered: dict[str, Any]) -> None:
    path = f"/marketplace/{offered['id']}/reviews"
    before = buyer.client.post(path, {"stars": 5})
    assert before.body["errors"]["_"][0]["meta"] == {"status": "not_bought"}
    buy(buyer, offered["id"])
    unrun = buyer.client.post(path, {"stars": 5})
    assert unrun.body["errors"]["_"][0]["meta"] == {"status": "not_run"}
    assert seller.client.post(path, {"stars": 5}).codes == {"_": ["invalid_state"]}
    assert buyer.client.get(path).data["items"] == []


def test_a_buyer_has_one_review_and_can_change_it(
    buyer: Person, offered: dict[str, Any], run: Callable[[Person, dict[str, Any]], None]
) -> None:
    run(buyer, offered)
    path = f"/marketplace/{offered['id']}/reviews"
    first = buyer.client.post(path, {"stars": 2, "text": "Slow."})
    second = buyer.client.post(path, {"stars": 4, "text": "Better by now."})
    assert (first.status, second.status, second.data["id"]) == (201, 200, first.data["id"])
    [shown] = buyer.client.get(path).data["items"]
    assert (shown["stars"], shown["text"], shown["release"]) == (4, "Better by now.", 1)
    assert buyer.client.get(f"/marketplace/{offered['id']}").data["rating"] == {"average": 4.0, "count": 1}


def test_a_listing_shows_the_average_of_its_reviews(
    world: World, seller: Person, buyer: Person, offered: dict[str, Any], run: Callable[[Person, dict[str, Any]], None]
) -> None:
    other = world.organization("Other")
    for person, stars in ((buyer, 5), (other, 2)):
        run(person, offered)
        person.client.post(f"/marketplace/{offered['id']}/reviews", {"stars": stars})
    [listed] = buyer.client.get("/marketplace").data["items"]
    [own] = seller.client.get("/marketplace/my-listings").data["items"]
    assert listed["rating"] == own["rating"] == {"average": 3.5, "count": 2}


def test_the_seller_answers_and_does_not_learn_who_it_was(
    seller: Person, buyer: Person, offered: dict[str, Any], run: Callable[[Person, dict[str, Any]], None]
) -> None:
    run(buyer, offered)
    path = f"/marketplace/{offered['id']}/reviews"
    review = buyer.client.post(path, {"stars": 3, "text": "It is slow."}).data
    answered = seller.client.post(f"{path}/{review['id']}/answer", {"text": "Release 2 is quicker."})
    assert buyer.client.get(path).data["items"][0]["answer"] == "Release 2 is quicker."
    told = f"{answered.body} {seller.client.get(path).body} {seller.client.get(f'{LOG}marketplace.review_received').body}"
    assert [each for each in (buyer.organization_id, buyer.user_id) if each in told] == []
    assert seller.client.get(f"{LOG}marketplace.review_received").data["items"][0]["data"] == {"stars": 3}
    assert buyer.client.get(f"{LOG}marketplace.review_answered").data["items"][0]["actor"]["type"] == "system"
    assert buyer.client.post(f"{path}/{review['id']}/answer", {"text": "Mine."}).codes == {"_": ["permission_denied"]}
    assert seller.client.post(f"{path}/{offered['id']}/answer", {"text": "Mine."}).status == 404


def test_a_review_with_a_secret_is_refused(
    buyer: Person, offered: dict[str, Any], run: Callable[[Person, dict[str, Any]], None]
) -> None:
    run(buyer, offered)
    path = f"/marketplace/{offered['id']}/reviews"
    assert buyer.client.post(path, {"stars": 3, "text": corpus.secrets(1)[0]}).codes == {"text": ["secret_found"]}
    assert buyer.client.post(path, {"stars": 6}).codes == {"stars": ["out_of_range"]}
