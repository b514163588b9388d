"""Sessions: tokens that rotate, and ends that are final."""

from collections.abc import Callable
from typing import Any

import pytest
import time_machine

from aasim_core.clock import now
from aasim_core.context import system_scope
from aasim_core.errors import Refused
from aasim_core.identity import sessions
from aasim_core.identity.accounts import found_organization
from aasim_core.identity.clients import Client
from aasim_core.identity.records import RefreshToken, Session
from aasim_core.identity.sessions import Tokens
from aasim_core.tenancy.records import Membership, Organization, User

LogIn = Callable[..., Tokens]
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"


def refresh(app: Any, token: str) -> Tokens:
    with system_scope("test"):
        return app.sessions.refresh(token)


def is_refused(app: Any, token: str) -> bool:
    with pytest.raises(Refused) as caught:
        refresh(app, token)
    assert (caught.value.status, caught.value.code) == (401, "invalid_refresh_token")
    return True


def status_of(tokens: Tokens) -> str:
    return str(Session.get_by_id(tokens.session_id).status)


@pytest.mark.long
def test_a_session_says_where_it_was_begun(ada: User, log_in: LogIn) -> None:
    tokens = log_in(ada, Client.of("192.0.2.7", CHROME + "\n"))
    session = Session.get_by_id(tokens.session_id)
    assert (session.user_id, session.ip, session.network) == (ada.id, "192.0.2.7", "192.0.2.0/24")
    assert (session.device, session.user_agent) == ("Chrome on Linux", CHROME)


def test_a_refresh_token_gives_new_tokens_of_the_same_session(app: Any, ada: User, log_in: LogIn) -> None:
    first = log_in(ada)
    second = refresh(app, first.refresh_token)
    assert second.session_id == first.session_id
    assert second.refresh_token != first.refresh_token
    assert app.tokens.verify(second.access_token).session_id == first.session_id
    assert refresh(app, second.refresh_token).session_id == first.session_id


def test_refresh_tokens_are_not_kept(app: Any, ada: User, log_in: LogIn) -> None:
    first = log_in(ada)
    second = refresh(app, first.refresh_token)
    rows = str([[row.digest, row.successor_digest] for row in RefreshToken.select()])
    assert first.refresh_token not in rows
    assert second.refresh_token not in rows


def test_a_lost_answer_can_be_fetched_again_for_ten_seconds(app: Any, ada: User, log_in: LogIn) -> None:
    with time_machine.travel("2026-01-31T09:00:00Z", tick=False) as clock:
        first = log_in(ada)
        second = refresh(app, first.refresh_token)
        clock.shift(10)
        assert refresh(app, first.refresh_token).refresh_token == second.refresh_token
        assert refresh(app, second.refresh_token).session_id == first.session_id


def test_a_refresh_token_used_again_later_ends_the_session(app: Any, ada: User, log_in: LogIn) -> None:
    with time_machine.travel("2026-01-31T09:00:00Z", tick=False) as clock:
        first = log_in(ada)
        second = refresh(app, first.refresh_token)
        clock.shift(11)
        assert is_refused(app, first.refresh_token)
    assert status_of(first) == "terminated"
    assert is_refused(app, second.refresh_token)


def test_a_refresh_token_used_again_after_its_successor_ends_the_session(app: Any, ada: User, log_in: LogIn) -> None:
    first = log_in(ada)
    second = refresh(app, first.refresh_token)
    third = refresh(app, second.refresh_token)
    assert is_refused(app, first.refresh_token)
    assert is_refused(app, third.refresh_token)
    assert Session.get_by_id(first.session_id).end_reason == "refresh_token_reused"


def test_reuse_is_reported_in_the_transaction_that_ends_the_session(app: Any, ada: User, log_in: LogIn) -> None:
    first = log_in(ada)
    refresh(app, refresh(app, first.refresh_token).refresh_token)
    seen: list[str] = []

    def note(session: Session) -> None:
        app.database.current_transaction()
        seen.append(session.id)

    with system_scope("test"), pytest.raises(Refused):
        app.sessions.refresh(first.refresh_token, on_reuse=note)
    assert seen == [first.session_id]


def test_a_lost_answer_can_be_fetched_again_although_the_keys_were_rotated(app: Any, ada: User, log_in: LogIn) -> None:
    first = log_in(ada)
    second = refresh(app, first.refresh_token)
    app.keyring = app.keyring.rotated()
    assert refresh(app, first.refresh_token).refresh_token == second.refresh_token


@pytest.mark.parametrize(
    "token", ["", "aasim_rt_", "aasim_rt_" + "A" * 43, "aasim_rt_" + "é" * 43, "x" * 5000, "eyJhbGciOiJub25lIn0.e30."]
)
def test_what_is_no_refresh_token_is_refused(app: Any, token: str) -> None:
    assert is_refused(app, token)


def test_a_session_unused_for_seven_days_is_over(app: Any, ada: User, log_in: LogIn) -> None:
    with time_machine.travel("2026-01-01T09:00:00Z", tick=False) as clock:
        token = log_in(ada).refresh_token
        clock.shift(6 * 86400)
        token = refresh(app, token).refresh_token
        clock.shift(7 * 86400 - 1)
        token = refresh(app, token).refresh_token
        clock.shift(7 * 86400)
        assert is_refused(app, token)


def test_a_session_is_over_after_thirty_days_however_much_it_is_used(app: Any, ada: User, log_in: LogIn) -> None:
    with time_machine.travel("2026-01-01T09:00:00Z", tick=False) as clock:
        token = log_in(ada).refresh_token
        for _ in range(5):
            clock.shift(6 * 86400 - 1)
            token = refresh(app, token).refresh_token
        clock.shift(5)
        assert is_refused(app, token)


def test_the_twenty_first_session_ends_the_oldest(ada: User, log_in: LogIn) -> None:
    begun = [log_in(ada) for _ in range(21)]
    assert [status_of(tokens) for tokens in begun] == ["terminated"] + ["active"] * 20


def test_a_session_that_is_over_by_time_takes_nobodys_place(ada: User, log_in: LogIn) -> None:
    with time_machine.travel("2026-01-01T09:00:00Z", tick=False) as clock:
        oldest = log_in(ada)
        unused = [log_in(ada) for _ in range(19)]
        clock.shift(8 * 86400)
        Session.update(last_seen_at=now()).where(Session.id == oldest.session_id).execute()
        log_in(ada)
    assert status_of(oldest) == "active"
    assert {status_of(tokens) for tokens in unused} == {"active"}


def test_ended_sessions_stay_ended_and_are_counted_once(app: Any, ada: User, log_in: LogIn) -> None:
    first, second, third = log_in(ada), log_in(ada), log_in(ada)
    with system_scope("test"), app.database.transaction():
        assert sessions.end([first.session_id], "logged_out") == 1
        assert sessions.end([first.session_id], "logged_out") == 0
        assert sessions.end_all(ada.id, "password_changed", but=third.session_id) == 1
    assert [status_of(tokens) for tokens in (first, second, third)] == ["terminated", "terminated", "active"]
    assert is_refused(app, second.refresh_token)


def test_a_suspended_user_cannot_refresh(app: Any, ada: User, log_in: LogIn) -> None:
    tokens = log_in(ada)
    User.update(status="suspended").execute()
    assert is_refused(app, tokens.refresh_token)


def test_new_tokens_are_for_another_organization_when_the_membership_of_the_first_ended(
    app: Any, ada: User, log_in: LogIn
) -> None:
    tokens = log_in(ada)
    with system_scope("test"), app.database.transaction():
        other = found_organization("Second", ada)
        Membership.update(status="suspended").where(Membership.organization_id == tokens.organization_id).execute()
    renewed = refresh(app, tokens.refresh_token)
    assert renewed.organization_id == other.id
    with system_scope("test"):
        Membership.update(status="suspended").execute()
    assert is_refused(app, renewed.refresh_token)


def test_a_login_leads_to_a_suspended_organization_only_if_there_is_no_other(app: Any, ada: User) -> None:
    with system_scope("test"), app.database.transaction():
        first = sessions.home_of(ada.id)
        Organization.update(status="suspended").execute()
        assert sessions.home_of(ada.id) == first
        other = found_organization("Second", ada)
        assert sessions.home_of(ada.id) == other.id
        assert sessions.home_of(ada.id, first) == first
        assert sessions.home_of("user_00000000000000000000000000") is None


def test_a_device_is_known_by_its_network_and_program(app: Any, ada: User, log_in: LogIn) -> None:
    log_in(ada, Client("192.0.2.7", "curl/8"))
    assert sessions.has_been_here(ada.id, Client("192.0.2.200", "curl/8"))
    assert not sessions.has_been_here(ada.id, Client("192.0.3.7", "curl/8"))
    assert not sessions.has_been_here(ada.id, Client("192.0.2.7", "curl/9"))
    assert not sessions.has_been_here("", Client("192.0.2.7", "curl/8"))


def test_a_device_without_an_address_is_never_known(ada: User, log_in: LogIn) -> None:
    log_in(ada, Client(None, "curl/8"))
    assert not sessions.has_been_here(ada.id, Client(None, "curl/8"))
