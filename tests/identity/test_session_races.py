"""Refreshes of one session at the same moment: twenty rounds of each, on both databases."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from aasim_core.context import system_scope
from aasim_core.errors import Refused
from aasim_core.identity import sessions
from aasim_core.identity.records import RefreshToken, Session
from aasim_core.identity.sessions import Tokens
from aasim_core.tenancy.records import User

pytestmark = pytest.mark.long

LogIn = Callable[..., Tokens]
_ROUNDS = 20


def at_once(app: Any, *acts: Callable[[], Any]) -> list[Any]:
    """What each of these returns that begin at the same moment; None where it is refused."""
    start = Barrier(len(acts), timeout=60)

    def run(act: Callable[[], Any]) -> Any:
        start.wait()  # without a connection, of which there may be fewer
        with app.database.connected(), system_scope("test"):
            try:
                return act()
            except Refused:
                return None

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def refreshes(app: Any, token: str) -> Callable[[], str]:
    return lambda: app.sessions.refresh(token).refresh_token


def is_active(session_id: str) -> bool:
    return bool(Session.get_by_id(session_id).status == "active")


def living(session_id: str) -> int:
    """How many refresh tokens of the session can still be exchanged for the first time."""
    unused = RefreshToken.select().where(RefreshToken.session_id == session_id, RefreshToken.used_at.is_null()).count()
    return unused if is_active(session_id) else 0


def test_fifty_refreshes_with_one_token_all_get_its_one_successor(app: Any, ada: User, log_in: LogIn) -> None:
    for _ in range(_ROUNDS):
        first = log_in(ada)
        successors = at_once(app, *[refreshes(app, first.refresh_token)] * 50)
        assert len(set(successors)) == 1 and None not in successors
        assert RefreshToken.select().where(RefreshToken.session_id == first.session_id).count() == 2
        assert living(first.session_id) == 1


def test_a_token_and_its_successor_never_leave_two_that_live(app: Any, ada: User, log_in: LogIn) -> None:
    """As where an answer was lost, and arrives after all: the token may be sent again only while its successor is unused."""
    for _ in range(_ROUNDS):
        first = log_in(ada)
        [second] = at_once(app, refreshes(app, first.refresh_token))
        sent = [refreshes(app, first.refresh_token)] * 4 + [refreshes(app, second)] * 4
        got = at_once(app, *sent)
        again, further = set(got[:4]), set(got[4:])
        assert again <= {second, None} and len(further - {None}) <= 1
        assert (is_active(first.session_id), living(first.session_id)) == ((False, 0) if None in got else (True, 1))


def test_a_refresh_while_the_session_ends_leaves_no_token_that_lives(app: Any, ada: User, log_in: LogIn) -> None:
    def end(session_id: str) -> int:
        with app.database.transaction():
            return sessions.end([session_id], "logged_out")

    for _ in range(_ROUNDS):
        first = log_in(ada)
        refresh = refreshes(app, first.refresh_token)
        *successors, ended = at_once(app, *[refresh] * 4, lambda first=first: end(first.session_id))
        assert (ended, living(first.session_id)) == (1, 0)
        held = [first.refresh_token, *(token for token in successors if token)]
        assert at_once(app, *(refreshes(app, token) for token in held)) == [None] * len(held)
