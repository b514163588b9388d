"""What happens at the same moment to one account: logins, suspensions and changes of the password."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.context import organization_scope
from aasim_core.identity.records import Session
from aasim_core.tenancy import people
from aasim_core.tenancy.records import Membership
from aasim_core.testing.world import Answer, Client, Person, World

pytestmark = pytest.mark.long

OLD, NEW = "gravel-tulip-orbit-94", "velvet-canoe-mosaic-31"
LogIn = Callable[..., Answer]
Act = Callable[[], Answer]


def at_once(acts: Sequence[Act]) -> list[Answer]:
    """The answers to requests that begin together."""
    start = Barrier(len(acts))

    def begin(act: Act) -> Answer:
        start.wait()
        return act()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(begin, acts))


def active_sessions(user_id: str) -> list[str]:
    return [session.id for session in Session.select().where(Session.user_id == user_id, Session.status == "active")]


@pytest.fixture
def owner(app: App, world: World, ada: Mapping[str, Any], as_ada: Client) -> Person:
    """The owner of the only organization that Ada, who is logged out, is a member of."""
    as_ada.post("/auth/logout")
    owner = world.organization()
    with app.database.transaction(), organization_scope(ada["organization"]["id"]):
        Membership.delete().execute()
    with app.database.transaction(), organization_scope(owner.organization_id):
        people.join(ada["user"]["id"])
    return owner


@pytest.mark.parametrize("end", ["suspend", "remove"])
def test_a_login_while_its_member_has_to_leave_leaves_no_session(
    ada: Mapping[str, Any], owner: Person, log_in: LogIn, end: str
) -> None:
    path = f"/users/{ada['user']['id']}"

    def leave() -> Answer:
        return owner.client.delete(path) if end == "remove" else owner.client.put(f"{path}/status", {"status": "suspended"})

    *logins, left = at_once([log_in] * 8 + [leave])
    assert left.status == 200
    assert {answer.status for answer in logins} <= {200, 401}
    assert active_sessions(ada["user"]["id"]) == []


def test_of_many_who_change_one_password_at_once_one_succeeds(as_ada: Client, log_in: LogIn) -> None:
    passwords = [f"{NEW}-{number}" for number in range(8)]

    def change(password: str) -> Answer:
        return as_ada.post("/auth/change-password", {"current_password": OLD, "new_password": password})

    answers = at_once([partial(change, password) for password in passwords])
    assert sorted(answer.status for answer in answers) == [200] + [401] * 7
    assert {str(answer.codes) for answer in answers if answer.status == 401} == {"{'current_password': ['invalid_credentials']}"}
    assert [log_in(password=password).status for password in passwords] == [answer.status for answer in answers]


def test_a_login_with_the_password_before_leaves_no_session(ada: Mapping[str, Any], as_ada: Client, log_in: LogIn) -> None:
    body = {"current_password": OLD, "new_password": NEW}
    *logins, changed = at_once([log_in] * 8 + [lambda: as_ada.post("/auth/change-password", body)])
    assert changed.status == 200
    assert {answer.status for answer in logins} <= {200, 401}
    assert active_sessions(ada["user"]["id"]) == [ada["session_id"]]
