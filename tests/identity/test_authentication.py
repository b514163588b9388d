"""From a credential to a principal: everything that was revoked is revoked on the next request."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import falcon.testing
import pytest
import time_machine
from peewee import OperationalError

from aasim_core.clock import now
from aasim_core.context import system_scope
from aasim_core.data.records import create
from aasim_core.errors import Refused
from aasim_core.hookspecs import hookimpl
from aasim_core.identity.accounts import create_user, found_organization
from aasim_core.identity.authentication import bearer_of
from aasim_core.identity.records import Session
from aasim_core.identity.sessions import Tokens
from aasim_core.tenancy.principal import Principal
from aasim_core.tenancy.records import Membership, Organization, User
from aasim_core.testing.statements import recorded

LogIn = Callable[..., Tokens]


def request(credential: str | None = None, **headers: str) -> Any:
    given = {} if credential is None else {"Authorization": credential}
    return falcon.testing.create_req(headers={**given, **{name.replace("_", "-"): value for name, value in headers.items()}})


def code_of(call: Callable[[], object]) -> str:
    with pytest.raises(Refused) as caught:
        call()
    return caught.value.code


def test_an_access_token_leads_to_its_user_and_organization(app: Any, ada: User, log_in: LogIn) -> None:
    tokens = log_in(ada)
    principal = app.authenticator.authenticate(request(f"Bearer {tokens.access_token}"))
    assert (principal.kind, principal.user_id, principal.session_id) == ("user", ada.id, tokens.session_id)
    assert (principal.id, principal.label, principal.organization_id) == (ada.id, ada.email, tokens.organization_id)
    assert principal.scopes is None
    assert not principal.is_platform_admin


def test_one_read_authenticates(app: Any, ada: User, log_in: LogIn) -> None:
    token = log_in(ada).access_token
    with recorded(app.database) as statements:
        app.authenticator.principal_of_token(token)
    assert [statement.sql[:6] for statement in statements] == ["SELECT"]


@pytest.mark.parametrize(("header", "code"), [
    (None, "authentication_required"), ("", "invalid_token"), ("Bearer", "invalid_token"), ("Bearer ", "invalid_token"),
    ("Basic YTpi", "invalid_token"), ("Bearer a b", "invalid_token"), ("Bearer " + "a" * 1025, "invalid_token"),
    ("Bearer \u00e9", "invalid_token"), ("Bearer\tabc", "invalid_token"), ("Bearer abc", "invalid_token"),
    ("Bearer aasim_sk_", "invalid_token"), ("Bearer aasim_rt_" + "A" * 43, "invalid_token"),
])  # fmt: skip
def test_what_is_no_credential_is_refused(app: Any, header: str | None, code: str) -> None:
    assert code_of(lambda: app.authenticator.authenticate(request(header))) == code


def test_the_scheme_of_a_credential_may_have_any_case() -> None:
    assert bearer_of(request("BEARER  abc")) == "abc"


def test_a_plugin_can_know_a_credential_first(app: Any, ada: User, log_in: LogIn, join: Any) -> None:
    robot = Principal("user", ada.id, "organization_x", 1, "from elsewhere")

    class Elsewhere:
        @hookimpl
        def authenticate(self, app: Any, req: Any) -> Principal | None:
            return robot if req.get_header("Authorization") == "Robot 1" else None

    join(Elsewhere())
    assert app.authenticator.authenticate(request("Robot 1")) is robot
    assert app.authenticator.authenticate(request(f"Bearer {log_in(ada).access_token}")).label == ada.email
    assert code_of(lambda: app.authenticator.authenticate(request())) == "authentication_required"


@pytest.mark.parametrize("wanted", ["organization_y", ""])
def test_whom_a_plugin_knows_comes_into_no_organization_but_their_own(app: Any, ada: User, join: Any, wanted: str) -> None:
    class Elsewhere:
        @hookimpl
        def authenticate(self, app: Any, req: Any) -> Principal:
            return Principal("user", ada.id, "organization_x", 1, "from elsewhere")

    join(Elsewhere())
    assert app.authenticator.authenticate(request(), "organization_x").organization_id == "organization_x"
    assert code_of(lambda: app.authenticator.authenticate(request(X_Organization_Id=wanted))) == "permission_denied"
    if wanted:
        assert code_of(lambda: app.authenticator.authenticate(request(), wanted)) == "permission_denied"


REVOCATIONS: dict[str, tuple[Callable[[], object], str]] = {
    "the session ended": (lambda: Session.update(status="terminated").execute(), "invalid_token"),
    "the session is gone": (lambda: Session.delete().execute(), "invalid_token"),
    "the session is too old": (lambda: Session.update(expires_at=now()).execute(), "invalid_token"),
    "the session was not used": (lambda: Session.update(last_seen_at=now() - timedelta(days=7)).execute(), "invalid_token"),
    "the session is another user's": (lambda: Session.update(user_id=_other_user()).execute(), "invalid_token"),
    "the user is suspended": (lambda: User.update(status="suspended").execute(), "invalid_token"),
    "the user is gone": (lambda: User.delete().execute(), "invalid_token"),
    "the membership is suspended": (lambda: Membership.update(status="suspended").execute(), "permission_denied"),
    "the membership is only an invitation": (lambda: Membership.update(status="invited").execute(), "permission_denied"),
    "the membership is gone": (lambda: Membership.delete().execute(), "permission_denied"),
    "the organization is suspended": (lambda: Organization.update(status="suspended").execute(), "organization_suspended"),
}


def _other_user() -> str:
    return str(create(User, email="eve@example.com", name="Eve").id)


@pytest.mark.parametrize("reason", REVOCATIONS)
def test_a_token_is_refused_at_once_when(app: Any, ada: User, log_in: LogIn, reason: str) -> None:
    token = log_in(ada).access_token
    app.authenticator.principal_of_token(token)
    revoke, code = REVOCATIONS[reason]
    with system_scope("test"), app.database.transaction():
        revoke()
    assert code_of(lambda: app.authenticator.principal_of_token(token)) == code


def test_a_header_picks_another_of_the_callers_organizations(app: Any, ada: User, log_in: LogIn) -> None:
    token = log_in(ada).access_token
    with system_scope("test"), app.database.transaction():
        other = found_organization("Second", ada)
    principal = app.authenticator.authenticate(request(f"Bearer {token}", X_Organization_Id=other.id))
    assert (principal.organization_id, principal.user_id) == (other.id, ada.id)


@pytest.mark.parametrize(
    "wanted", ["", "*", "organization_00000000000000000000000000", "user_01h455vb4pex5vsknk084sn02q", "' OR 1=1"]
)
def test_a_header_picks_no_organization_that_is_not_the_callers(app: Any, ada: User, log_in: LogIn, wanted: str) -> None:
    credential = log_in(ada).access_token
    assert (
        code_of(lambda: app.authenticator.authenticate(request(f"Bearer {credential}", X_Organization_Id=wanted)))
        == "permission_denied"
    )


def test_a_strangers_organization_and_one_that_does_not_exist_look_alike(app: Any, ada: User, log_in: LogIn) -> None:
    with system_scope("test"), app.database.transaction():
        theirs = found_organization("Theirs", create_user("eve@example.com", "Eve", None))
    token, messages = log_in(ada).access_token, set()
    for wanted in (theirs.id, "organization_00000000000000000000000000", "nonsense"):
        with pytest.raises(Refused) as caught:
            app.authenticator.principal_of_token(token, wanted=wanted)
        messages.add((caught.value.status, caught.value.message))
    assert len(messages) == 1


def test_the_last_use_of_a_session_is_noted_once_a_minute(app: Any, ada: User, log_in: LogIn) -> None:
    with time_machine.travel("2026-01-31T09:00:00Z", tick=False) as clock:
        tokens, noted = log_in(ada), []
        for seconds in (0, 59, 2, 30, 40):
            clock.shift(seconds)
            app.authenticator.principal_of_token(tokens.access_token)
            noted.append(Session.get_by_id(tokens.session_id).last_seen_at.strftime("%H:%M:%S"))
    assert noted == ["09:00:00", "09:00:00", "09:01:01", "09:01:01", "09:02:11"]


def test_a_request_does_not_fail_when_its_use_cannot_be_noted(
    app: Any, ada: User, log_in: LogIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    with time_machine.travel("2026-01-31T09:00:00Z", tick=False) as clock:
        token = log_in(ada).access_token
        clock.shift(61)

        def full() -> None:
            raise OperationalError("database or disk is full")

        monkeypatch.setattr(app.database, "transaction", full)
        assert app.authenticator.principal_of_token(token).label == ada.email
