"""From an API key to its principal: everything that was revoked is revoked on the next request."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import falcon.testing
import pytest
import time_machine

from aasim_core.clock import now
from aasim_core.context import organization_scope, system_scope
from aasim_core.data.records import create
from aasim_core.errors import Refused
from aasim_core.identity import api_keys, sessions
from aasim_core.identity.accounts import create_user, found_organization
from aasim_core.identity.api_keys import NewKey
from aasim_core.identity.records import ApiKey
from aasim_core.tenancy.feature_switches import switch
from aasim_core.tenancy.records import Membership, Organization, User
from aasim_core.testing.statements import recorded
from aasim_plugins.api_keys.authentication import principal_of_key


def request(credential: str, **headers: str) -> Any:
    """A request with that credential."""
    given = {"Authorization": credential, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return falcon.testing.create_req(headers=given)


def code_of(call: Callable[[], object]) -> str:
    """The code with which the call is refused."""
    with pytest.raises(Refused) as caught:
        call()
    return caught.value.code


@pytest.fixture
def ada(app: Any) -> User:
    """A user with an organization of her own."""
    with system_scope("test"), app.database.transaction():
        user = create_user("ada@example.com", "Ada Lovelace", None)
        found_organization("Analytical Engines", user)
    return user


@pytest.fixture
def key(ada: User) -> NewKey:
    """An API key of Ada's."""
    made = api_keys.generate()
    with organization_scope(sessions.home_of(ada.id) or ""):
        create(
            ApiKey, user_id=ada.id, name="robot", prefix=made.prefix, last_four=made.last_four, digest=made.digest,
            scopes=["agents:read"],
        )  # fmt: skip
    return made


def change_key(**values: Any) -> None:
    with system_scope("test"):
        ApiKey.update(**values).execute()


def test_an_api_key_leads_to_its_creator_within_its_scopes(app: Any, ada: User, key: NewKey) -> None:
    principal = app.authenticator.authenticate(request(f"bearer {key.secret.reveal()}"))
    assert (principal.kind, principal.user_id, principal.scopes) == ("api_key", ada.id, frozenset(["agents:read"]))
    assert principal.id == principal.api_key_id != ada.id
    assert principal.label == "robot"


def test_one_read_authenticates(app: Any, key: NewKey) -> None:
    principal_of_key(app, key.secret.reveal())
    with recorded(app.database) as statements:
        principal_of_key(app, key.secret.reveal())
    assert [statement.sql[:6] for statement in statements] == ["SELECT"]


def test_a_key_leads_into_no_other_organization(app: Any, key: NewKey) -> None:
    for wanted in ("", "*", "organization_00000000000000000000000000"):
        asked = partial(app.authenticator.authenticate, request(f"Bearer {key.secret.reveal()}", X_Organization_Id=wanted))
        assert code_of(asked) == "permission_denied"


def test_without_the_plugin_no_key_is_good(app: Any, key: NewKey) -> None:
    manager = app.plugins.manager
    plugin = manager.unregister(name="api_keys")
    try:
        assert code_of(lambda: app.authenticator.authenticate(request(f"Bearer {key.secret.reveal()}"))) == "invalid_token"
    finally:
        manager.register(plugin, "api_keys")
    assert app.authenticator.authenticate(request(f"Bearer {key.secret.reveal()}")).kind == "api_key"


def test_keys_are_refused_while_they_are_off_for_the_organization(app: Any, ada: User, key: NewKey) -> None:
    organization_id = principal_of_key(app, key.secret.reveal()).organization_id
    with organization_scope(organization_id), app.database.transaction():
        switch(organization_id, "api_keys", enabled=False)
    assert code_of(lambda: principal_of_key(app, key.secret.reveal())) == "invalid_token"
    with organization_scope(organization_id), app.database.transaction():
        switch(organization_id, "api_keys", enabled=True)
    assert principal_of_key(app, key.secret.reveal()).user_id == ada.id


KEY_REVOCATIONS: dict[str, tuple[Callable[[], object], str]] = {
    "it is disabled": (lambda: ApiKey.update(status="disabled").execute(), "invalid_token"),
    "it is revoked": (lambda: ApiKey.update(status="revoked").execute(), "invalid_token"),
    "it is gone": (lambda: ApiKey.delete().execute(), "invalid_token"),
    "it has expired": (lambda: ApiKey.update(expires_at=now()).execute(), "invalid_token"),
    "it was regenerated": (lambda: ApiKey.update(digest="other").execute(), "invalid_token"),
    "its creator is suspended": (lambda: User.update(status="suspended").execute(), "invalid_token"),
    "its creator's membership is suspended": (lambda: Membership.update(status="suspended").execute(), "permission_denied"),
    "its creator's membership is gone": (lambda: Membership.delete().execute(), "permission_denied"),
    "the organization is suspended": (lambda: Organization.update(status="suspended").execute(), "organization_suspended"),
    "its address is not allowed": (lambda: ApiKey.update(allowed_ips=["192.0.2.0/24"]).execute(), "ip_not_allowed"),
}


@pytest.mark.parametrize("reason", KEY_REVOCATIONS)
def test_an_api_key_is_refused_at_once_when(app: Any, key: NewKey, reason: str) -> None:
    principal_of_key(app, key.secret.reveal(), ip="198.51.100.1")
    revoke, code = KEY_REVOCATIONS[reason]
    with system_scope("test"), app.database.transaction():
        revoke()
    assert code_of(lambda: principal_of_key(app, key.secret.reveal(), ip="198.51.100.1")) == code


def test_a_mistyped_key_is_refused_without_the_database(app: Any, key: NewKey) -> None:
    text = key.secret.reveal()
    with recorded(app.database) as statements:
        assert code_of(lambda: principal_of_key(app, text[:-1] + ("A" if text[-1] != "A" else "B"))) == "invalid_token"
    assert statements == []


def test_the_previous_key_works_until_the_overlap_ends(app: Any, key: NewKey) -> None:
    fresh = api_keys.generate()
    with time_machine.travel("2026-01-31T09:00:00Z", tick=False) as clock:
        change_key(digest=fresh.digest, previous_digest=key.digest, previous_expires_at=now() + timedelta(seconds=60))
        assert principal_of_key(app, key.secret.reveal()).id == principal_of_key(app, fresh.secret.reveal()).id
        clock.shift(60)
        assert code_of(lambda: principal_of_key(app, key.secret.reveal())) == "invalid_token"
        assert principal_of_key(app, fresh.secret.reveal()).label == "robot"


def test_a_key_works_from_its_own_addresses(app: Any, key: NewKey) -> None:
    change_key(allowed_ips=["192.0.2.0/24", "2001:db8::/32"])
    for ip in ("192.0.2.7", "::ffff:192.0.2.7", "2001:db8::1"):
        assert principal_of_key(app, key.secret.reveal(), ip=ip).label == "robot"
    for ip in ("192.0.3.7", "", None, "not an address"):
        assert code_of(lambda ip=ip: principal_of_key(app, key.secret.reveal(), ip=ip)) == "ip_not_allowed"  # type: ignore[misc]


def test_the_last_use_of_a_key_is_noted_once_a_minute_with_its_address(app: Any, key: NewKey) -> None:
    noted = []
    with time_machine.travel("2026-01-31T09:00:00Z", tick=False) as clock:
        for seconds, ip in ((0, "192.0.2.1"), (59, "192.0.2.2"), (2, "192.0.2.3")):
            clock.shift(seconds)
            principal_of_key(app, key.secret.reveal(), ip=ip)
            with system_scope("test"):
                row = ApiKey.get()
            noted.append((row.last_used_at.strftime("%H:%M:%S"), row.last_used_ip))
    assert noted == [("09:00:00", "192.0.2.1"), ("09:00:00", "192.0.2.1"), ("09:01:01", "192.0.2.3")]
