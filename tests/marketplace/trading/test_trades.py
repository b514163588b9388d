"""Many purchases, upgrades and refunds, fifty at a time, in processes that are killed: the ledger adds up at every moment.

`bin/bench trades` tries as many as it is told.
"""

import os
import random
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from math import isqrt
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.testing.world import Answer, Client, Person, World

from ..conftest import Make, audit, balance, grant, plan_of

pytestmark = [pytest.mark.long, pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")]
TRADES, KILLS = int(os.environ.get("MARKETPLACE_TRADES", "16")), int(os.environ.get("MARKETPLACE_KILLS", "1"))
AT_ONCE, PRICE = 50, 1_000
_SCOPES = ["agents:read", "agents:update", "marketplace:read", "marketplace:update", "marketplace:purchase"]


@dataclass(frozen=True)
class Request:
    """One POST of a trade; it has one key however often it is sent, which its path is, since callers have keys of their own."""

    client: Client
    path: str
    body: dict[str, Any]

    def send(self) -> Answer:
        """The answer, once somebody has time for it."""
        for _ in range(200):
            answer = self.client.post(self.path, self.body, Idempotency_Key=self.path.replace("/", "."))
            codes = [] if answer.body["success"] else [problem["code"] for problem in answer.body["errors"].get("_", [])]
            if answer.status != 503 and codes != ["idempotency_in_progress"]:
                return answer
        raise AssertionError("it stays busy")


def through_kills(app: App, requests: Sequence[Request], check: Callable[[], None]) -> list[Answer]:
    """Send the requests in processes of which each is killed on the way, and then once more to their end; `check` after each kill."""
    chance = random.Random(len(requests))  # noqa: S311 - the same each time
    for _ in range(KILLS):
        _killed(app, requests, chance.randrange(1, len(requests)))
        check()
    return list(_sent(requests))


def _sent(requests: Sequence[Request]) -> Iterator[Answer]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield from pool.map(Request.send, requests)


def _killed(app: App, requests: Sequence[Request], after: int) -> None:
    """Send the requests in a process that is killed when so many of them were answered."""
    reading, writing = os.pipe()
    app.database.close_all()
    child = os.fork()
    if not child:
        app.database.dispose()
        for _ in _sent(requests):
            os.write(writing, b".")
        os._exit(0)
    os.close(writing)
    answered = 0
    while answered < after and (read := os.read(reading, after - answered)):
        answered += len(read)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(reading)


def test_the_ledger_adds_up_through_trades_that_are_killed(
    app: App, world: World, seller: Person, agent: Make, listing: Make
) -> None:
    side = max(2, isqrt(TRADES))
    sold = [agent(f"Agent {number}")["id"] for number in range(side)]
    offered = [listing(PRICE, agent_id=each, title=f"Reader number {number}")["id"] for number, each in enumerate(sold)]
    seller, *buyers = map(_with_a_key, (seller, *(world.organization(f"Buyer {number}") for number in range(side))))
    for buyer in buyers:
        grant(app, buyer, side * PRICE)

    def check() -> None:
        found = audit(app)
        assert found.unbalanced == found.wrong == ()

    def balances() -> tuple[set[int], int]:
        return {balance(buyer) for buyer in buyers}, balance(seller)

    orders = [
        Request(buyer.client, f"/marketplace/{each}/purchase", {"digest": plan_of(buyer, each)["digest"]})
        for buyer in buyers
        for each in offered
    ]
    assert Counter(answer.status for answer in through_kills(app, orders, check)) == {201: len(orders)}
    assert balances() == ({0}, side * side * PRICE)

    for number, each in enumerate(offered):
        seller.client.patch(f"/agents/{sold[number]}", {"instructions": "Read better."})
        seller.client.patch(f"/marketplace/{each}", {"agent_version": None})
    bought = [(buyer, each["id"]) for buyer in buyers for each in _licences(buyer)]
    assert len(bought) == len(orders)
    upgrades = [
        Request(buyer.client, f"/marketplace/my-purchases/{each}/upgrade", _agreed(buyer, each)) for buyer, each in bought
    ]
    assert Counter(answer.data["purchase"]["release"] for answer in through_kills(app, upgrades, check)) == {2: len(orders)}
    copies = [each for buyer in buyers for each in buyer.client.get("/agents?limit=100").data["items"]]
    assert {each["agent_version"] for each in copies} == {2}

    refunds = [Request(buyer.client, f"/marketplace/my-purchases/{each}/refund", {}) for buyer, each in bought]
    assert Counter(answer.status for answer in through_kills(app, refunds, check)) == {200: len(orders)}
    assert balances() == ({side * PRICE}, 0)
    check()


def _with_a_key(person: Person) -> Person:
    """The same person with an API key, which outlives a token: ten thousand trades take longer than that."""
    key = person.client.post("/api-keys", {"name": "Trades", "scopes": _SCOPES}).data["key"]
    return replace(person, client=replace(person.client, token=key))


def _licences(buyer: Person) -> list[dict[str, Any]]:
    return list(buyer.client.get("/marketplace/my-purchases?limit=100").data["items"])


def _agreed(buyer: Person, purchase_id: str) -> dict[str, Any]:
    plan = buyer.client.post(f"/marketplace/my-purchases/{purchase_id}/upgrade?plan=true").data["plan"]
    return {"digest": plan["digest"]}
