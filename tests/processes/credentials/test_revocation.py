"""What is revoked in one process is revoked in all on the next request: two API processes of one installation."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from threading import Barrier
from typing import Any

import pytest

from ...bench import processes
from ..client import API, Answer, Client, Secrets
from ..conftest import Install
from ..installation import Installation


@dataclass
class Pair:
    """An installation, and the port of its second API process."""

    installation: Installation
    port: int

    def statuses(self, person: Client) -> list[int]:
        """What both processes answer to the person's credential, and had better not remember."""
        return [self.at(port, person).get("/auth/me").status for port in (self.installation.port, self.port)]

    def at(self, port: int, person: Client) -> Client:
        """The person, asking one of the two."""
        return replace(person, port=port)

    def other(self, person: Client) -> Client:
        """The person, asking the second process."""
        return self.at(self.port, person)

    def write(self, statement: str, *values: Any) -> None:
        """Change the database as a third process does."""
        with closing(sqlite3.connect(self.installation.data / "aasim.db", timeout=30)) as connection, connection:
            assert connection.execute(statement, values).rowcount == 1


@pytest.fixture
def pair(install: Install) -> Pair:
    installation = install(AASIM_RATE_LIMITS="off")
    installation.serve()
    port = processes.free_port()
    installation.start("serve", AASIM_BIND=f"127.0.0.1:{port}")
    ready = f"{API}/health/ready"
    processes.eventually(lambda: processes.answers(port, ready, below=300), "the start of the second API")
    return Pair(installation, port)


@pytest.fixture
def ada(pair: Pair) -> Client:
    """A new person, whom both processes know."""
    person = pair.installation.visitor.register()
    assert pair.statuses(person) == [200, 200]
    return person


def key_of(person: Client) -> tuple[str, Client]:
    """The id of a new key of the person's, and a program that has it."""
    made = person.post("/api-keys", {"name": "robot", "scopes": ["agents:read"]}).data
    return made["id"], replace(person, token=person.secrets.keep(made["key"]))


def test_a_session_that_one_process_ends_is_over_in_the_other(pair: Pair, ada: Client) -> None:
    (session,) = ada.get("/sessions").data["items"]
    assert ada.post(f"/sessions/{session['id']}/terminate").status == 200
    assert pair.statuses(ada) == [401, 401]


def test_a_key_is_disabled_enabled_and_revoked_everywhere(pair: Pair, ada: Client) -> None:
    key_id, robot = key_of(ada)
    assert pair.statuses(robot) == [200, 200]
    ada.post(f"/api-keys/{key_id}/toggle", {"status": "disabled"})
    assert pair.statuses(robot) == [401, 401]
    pair.other(ada).post(f"/api-keys/{key_id}/toggle", {"status": "active"})
    assert pair.statuses(robot) == [200, 200]
    ada.ask("DELETE", f"/api-keys/{key_id}")
    assert pair.statuses(robot) == [401, 401]


def test_a_key_that_was_made_anew_without_overlap_is_refused_everywhere(pair: Pair, ada: Client) -> None:
    key_id, robot = key_of(ada)
    assert pair.statuses(robot) == [200, 200]
    fresh = pair.other(ada).post(f"/api-keys/{key_id}/regenerate", {"overlap_seconds": 0}).data["key"]
    assert pair.statuses(robot) == [401, 401]
    assert pair.statuses(replace(ada, token=ada.secrets.keep(fresh))) == [200, 200]


def test_fewer_scopes_count_everywhere(pair: Pair, ada: Client) -> None:
    key_id, robot = key_of(ada)
    assert pair.other(robot).get("/agents").status == 200
    ada.ask("PATCH", f"/api-keys/{key_id}", {"scopes": ["agents:execute"]})
    assert pair.other(robot).get("/agents").codes == ["permission_denied"]


def test_a_suspended_user_is_out_everywhere_with_every_key(pair: Pair, ada: Client) -> None:
    _, robot = key_of(ada)
    assert pair.statuses(robot) == [200, 200]
    pair.write("UPDATE core_user SET status = 'suspended' WHERE id = ?", ada.get("/auth/me").data["user"]["id"])
    assert [pair.statuses(who) for who in (ada, robot)] == [[401, 401], [401, 401]]


def test_a_member_who_is_suspended_is_out_everywhere(pair: Pair, ada: Client) -> None:
    bot = ada.post("/users", {"name": "Bot", "kind": "service", "role": "viewer"}).data["id"]
    made = ada.post("/api-keys", {"name": "robot", "user_id": bot, "scopes": ["agents:read"]}).data["key"]
    robot = replace(ada, token=ada.secrets.keep(made))
    assert pair.statuses(robot) == [200, 200]
    assert ada.ask("PUT", f"/users/{bot}/status", {"status": "suspended"}).status == 200
    assert pair.statuses(robot) == [401, 401]
    pair.other(ada).ask("PUT", f"/users/{bot}/status", {"status": "active"})
    pair.write("UPDATE core_api_key SET status = 'active' WHERE user_id = ?", bot)
    assert pair.statuses(robot) == [200, 200]
    assert pair.other(ada).ask("DELETE", f"/users/{bot}").status == 200
    assert pair.statuses(robot) == [401, 401]


def test_fifty_refreshes_over_both_processes_make_one_chain(pair: Pair) -> None:
    body = {"name": "Ada", "email": "ada@example.org", "password": pair.installation.secrets.new("pw-")}
    tokens = pair.installation.visitor.post("/auth/register", body).data
    answers = [answer.data for answer in at_once(pair, tokens["refresh_token"])]
    assert len({answer["refresh_token"] for answer in answers}) == 1
    next_answers = [answer.data for answer in at_once(pair, answers[0]["refresh_token"])]
    assert len({answer["refresh_token"] for answer in next_answers}) == 1
    reused = at_once(pair, tokens["refresh_token"])
    assert {(answer.status, *answer.codes) for answer in reused} == {(401, "invalid_refresh_token")}
    assert pair.statuses(replace(pair.installation.visitor, token=next_answers[0]["access_token"])) == [401, 401]


def at_once(pair: Pair, token: str) -> list[Answer]:
    """The answers to fifty refreshes that begin together, half of them at each process."""
    start = Barrier(50)

    def refresh(number: int) -> Answer:
        client = Client((pair.installation.port, pair.port)[number % 2], Secrets())
        start.wait()
        return client.post("/auth/refresh", {"refresh_token": token})

    with ThreadPoolExecutor(50) as pool:
        return list(pool.map(refresh, range(50)))
