"""Runs of a workflow are cancelled at random moments: once that is answered nothing begins, and what was done is known."""

import json
import random
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest

from .conftest import how_many
from .deployment import Deployment
from .killed.test_waits_killed import done
from .receiver import Receiver, receiving
from .workload import Client, prepare

pytestmark = [pytest.mark.long, pytest.mark.faults]
_ITEMS, _AT_ONCE = 10, 16


def sending(url: str) -> dict[str, Any]:
    """A loop that makes a request for each item."""
    send = {"id": "send", "type": "http", "config": {"method": "POST", "url": url, "body": {"note": "{{ run.id }} {{ item }}"}}}
    config = {"items": "input", "body": {"nodes": [send]}, "concurrency": 4, "collect": "none"}
    return {"language": 1, "nodes": [{"id": "each", "type": "foreach", "config": config}]}


@dataclass
class Hasty:
    """Somebody who cancels what they start. `begun` are the calls of each run that had begun when that was answered, by their keys."""

    deployment: Deployment
    client: Client
    receiver: Receiver
    begun: dict[str, set[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        body = {"name": "Sends", "status": "active", "definition": sending(self.receiver.url)}
        self._workflow = done(self.client, "POST", "/workflows", body)["id"]

    def start(self) -> str:
        """Start a run; its id."""
        return str(done(self.client, "POST", f"/workflows/{self._workflow}/execute", {"input": list(range(_ITEMS))})["id"])

    def start_and_cancel(self, after: int) -> None:
        """Start a run, and cancel it when so many of its requests have come; one that was over by then does not count."""
        run = self.start()
        self.receiver.wait_for(run, after)
        status, _ = self.client.ask("POST", f"/api/v1/executions/{run}/cancel", {})
        if status == 200:
            self.begun[run] = set(self.ledger(run))

    def ledger(self, run: str) -> dict[str, str]:
        """The calls of the run that have begun: whether each was done, not done, or is unknown, by the key that it was made with."""
        # CROSS JOIN, so that SQLite takes the tables in this order, and finds each row by an index.
        query = f"""
            SELECT child.trigger, call.result
            FROM executions_execution AS parent CROSS JOIN executions_execution AS child CROSS JOIN executions_toolcall AS call
            WHERE parent.id = '{run}' AND (child.organization_id, child.parent_id) = (parent.organization_id, parent.id)
            AND (call.organization_id, call.execution_id) = (child.organization_id, child.id) AND call.started_at IS NOT NULL
        """
        found = self.deployment.rows(query)
        return {f"{run}:{json.loads(trigger)['id']}": _verdict(result and json.loads(result)) for trigger, result in found}


def _with_a_key(client: Client) -> Client:
    """The same person with an API key, which outlives a token: ten thousand cancels take longer than that."""
    body = {"name": "Cancels", "scopes": ["workflows:create", "workflows:execute", "executions:read", "executions:cancel"]}
    return Client(client.port, done(client, "POST", "/api-keys", body)["key"])


def _verdict(result: Any) -> str:
    """What is known of a call: it was asked to end before anything was sent, if there is an error."""
    return "unknown" if result is None else "not done" if "error" in result else "done"


def test_nothing_begins_once_a_cancel_is_answered_and_what_was_done_is_known(deployment: Deployment) -> None:
    seed = how_many("SEED", 1)
    chance = random.Random(seed)
    deployment.more |= {"AASIM_WORKFLOWS__ALLOWED_NETWORKS": '["127.0.0.0/8"]'}
    with receiving(deployment.database.folder) as receiver:
        deployment.start("serve")
        hasty = Hasty(deployment, _with_a_key(prepare(deployment.port)[0]), receiver)
        deployment.start("worker")
        moments = [chance.randrange(_ITEMS) for _ in range(how_many("CANCELS", 60))]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(hasty.start_and_cancel, moments))
        deployment.settle()
        received = Counter(key for key, _ in receiver.entries())
    assert len(hasty.begun) > len(moments) // 4
    ledgers = {run: hasty.ledger(run) for run in hasty.begun}
    assert {run: set(ledger) - hasty.begun[run] for run, ledger in ledgers.items()} == {key: set() for key in ledgers}
    told = defaultdict[str, set[str]](set)
    for key, verdict in [each for ledger in ledgers.values() for each in ledger.items()]:
        told[verdict].add(key)
    mine = Counter({key: count for key, count in received.items() if key.partition(":")[0] in ledgers})
    assert set(mine.values()) == {1}, f"the seed was {seed}"
    assert told["done"] <= mine.keys() <= told["done"] | told["unknown"], f"the seed was {seed}"
