"""Purchases at the same time, and in a process that is killed: the ledger adds up, and each is there whole or not at all."""

import os
import signal
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.testing.world import Person, World

from ..conftest import Make, audit, balance, buy, grant, plan_of

pytestmark = pytest.mark.long
AT_ONCE, PRICE = 50, 1_000


def at_once(actions: list[Callable[[], Any]]) -> list[Any]:
    """What each of the actions gives, all of them done at the same time."""
    with ThreadPoolExecutor(len(actions)) as pool:
        return [each.result() for each in [pool.submit(action) for action in actions]]


def statuses(client: Any, orders: list[tuple[str, str, str]]) -> Counter[int]:
    """How the orders, each a listing, a digest and an idempotency key, were answered."""

    def order(listing_id: str, digest: str, key: str) -> int:
        for _ in range(100):
            answer = client.post(f"/marketplace/{listing_id}/purchase", {"digest": digest}, Idempotency_Key=key)
            if answer.status != 503 and answer.body.get("errors", {}).get("_", [{}])[0].get("code") != "idempotency_in_progress":
                return int(answer.status)
        raise AssertionError("it stays busy")

    return Counter(at_once([lambda each=each: order(*each) for each in orders]))


def test_fifty_orders_with_one_key_are_one_purchase(app: App, seller: Person, buyer: Person, listing: Make) -> None:
    offered = listing(PRICE)
    grant(app, buyer, 10 * PRICE)
    digest = plan_of(buyer, offered["id"])["digest"]
    assert statuses(buyer.client, [(offered["id"], digest, "one-key")] * AT_ONCE) == {201: AT_ONCE}
    assert (balance(buyer), balance(seller)) == (9 * PRICE, PRICE)
    assert len(buyer.client.get("/marketplace/my-purchases").data["items"]) == 1
    assert len(buyer.client.get("/agents").data["items"]) == 1


def test_fifty_orders_of_one_listing_are_one_licence(app: App, seller: Person, buyer: Person, listing: Make) -> None:
    offered = listing(PRICE)
    grant(app, buyer, 10 * PRICE)
    digest = plan_of(buyer, offered["id"])["digest"]
    assert statuses(buyer.client, [(offered["id"], digest, f"key-{n}") for n in range(AT_ONCE)]) == {201: 1, 409: AT_ONCE - 1}
    assert balance(buyer) == 9 * PRICE


def test_credits_for_twenty_buy_twenty_of_fifty(app: App, seller: Person, buyer: Person, agent: Make, listing: Make) -> None:
    agent_id = agent()["id"]
    offered = [listing(PRICE, agent_id=agent_id, title=f"Reader {number}")["id"] for number in range(AT_ONCE)]
    grant(app, buyer, 20 * PRICE)
    orders = [(each, plan_of(buyer, each)["digest"], each) for each in offered]
    # What each plan says is missing is no part of what it is called by: all of them can be paid at first.
    assert statuses(buyer.client, orders) == {201: 20, 402: AT_ONCE - 20}
    assert (balance(buyer), balance(seller)) == (0, 20 * PRICE)
    found = audit(app)
    assert (found.transactions, found.unbalanced, found.wrong) == (21, (), ())


def test_organizations_that_buy_from_each_other_do_not_wait_in_a_circle(app: App, world: World) -> None:
    people = [world.organization(f"Org {number}") for number in range(6)]
    offered = {}
    for number, person in enumerate(people):
        grant(app, person, 100 * PRICE)
        agent_id = person.client.post("/agents", {"name": "Sold"}).data["id"]
        price = {"type": "one_time", "amount": PRICE}
        body = {"agent_id": agent_id, "title": f"Agent number {number}", "visibility": "instance", "price": price}
        offered[person.user_id] = person.client.post("/marketplace", body).data["id"]
    pairs = [(one, other) for one in people for other in people if one is not other]

    def trade(one: Person, other: Person) -> int:
        for _ in range(100):
            answer = buy(one, offered[other.user_id])
            if answer.status != 503:
                return int(answer.status)
        raise AssertionError("it stays busy")

    assert Counter(at_once([lambda pair=pair: trade(*pair) for pair in pairs])) == {201: len(pairs)}
    assert [balance(person) for person in people] == [100 * PRICE] * 6
    assert audit(app).unbalanced == audit(app).wrong == ()


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # a fork, which the child survives until it is killed
def test_of_purchases_in_a_process_that_is_killed_each_is_there_whole_or_not_at_all(
    app: App, seller: Person, buyer: Person, agent: Make, listing: Make
) -> None:
    agent_id = agent()["id"]
    offered = [listing(PRICE, agent_id=agent_id, title=f"Reader {number}")["id"] for number in range(30)]
    grant(app, buyer, 30 * PRICE)
    orders = [(each, plan_of(buyer, each)["digest"], each) for each in offered]
    reading, writing = os.pipe()
    app.database.close_all()
    child = os.fork()
    if not child:
        app.database.dispose()
        for order in orders:
            statuses(buyer.client, [order])
            os.write(writing, b".")
        os._exit(0)
    os.close(writing)
    assert os.read(reading, 1) == b"."
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(reading)
    done = buyer.client.get("/marketplace/my-purchases?limit=100").data["items"]
    copies = {each["id"] for each in buyer.client.get("/agents?limit=100").data["items"]}
    assert 1 <= len(done) < len(orders)
    assert {each["agent_id"] for each in done} == copies
    assert (balance(buyer), balance(seller)) == ((30 - len(done)) * PRICE, len(done) * PRICE)
    assert audit(app).unbalanced == audit(app).wrong == ()
    assert Counter(statuses(buyer.client, [order]).popitem()[0] for order in orders) == {201: 30}
    assert (balance(buyer), balance(seller)) == (0, 30 * PRICE)
