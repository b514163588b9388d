"""Access tokens: only what we made, for us, unchanged, and for fifteen minutes."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from time import time
from typing import Any

import jwt
import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from aasim_core.errors import Refused
from aasim_core.identity.tokens import AccessTokens
from aasim_core.ids import new_id
from aasim_core.secrets import Key, Keyring, new_key

KEYRING = Keyring([Key("k1", bytes(range(32)))])
SIGNING_KEY = KEYRING.key_for("access-token", "k1") or b""
TOKENS = AccessTokens(KEYRING, issuer="https://aasim.test", audience="aasim")
WHO = {"user_id": new_id("user"), "session_id": new_id("session"), "organization_id": new_id("organization")}


def encode(part: Any) -> str:
    data = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def forge(header: Any, claims: Any, key: bytes = SIGNING_KEY) -> str:
    """A token signed with our own key, whatever it says."""
    signed = f"{encode(header)}.{encode(claims)}"
    return f"{signed}.{encode(hmac.digest(key, signed.encode(), hashlib.sha256))}"


def header(**changes: Any) -> dict[str, Any]:
    return {"alg": "HS256", "typ": "at+jwt", "kid": "k1"} | changes


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time())
    return {
        "iss": "https://aasim.test",
        "aud": "aasim",
        "sub": WHO["user_id"],
        "sid": WHO["session_id"],
        "org": WHO["organization_id"],
        "iat": now,
        "exp": now + 900,
    } | changes


def without(mapping: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in mapping.items() if name != key}


def code_of(token: str, tokens: AccessTokens = TOKENS) -> str:
    with pytest.raises(Refused) as caught:
        tokens.verify(token)
    assert caught.value.status == 401
    return caught.value.code


def test_an_issued_token_says_who_it_was_issued_to() -> None:
    verified = TOKENS.verify(TOKENS.issue(**WHO))
    assert (verified.user_id, verified.session_id, verified.organization_id) == tuple(WHO.values())


def test_a_token_forged_with_nothing_changed_is_good() -> None:
    assert TOKENS.verify(forge(header(), claims())).user_id == WHO["user_id"]


def wrong_tokens() -> Iterator[tuple[str, str]]:
    now = int(time())
    for name, changed in {
        "no algorithm": header(alg="none"),
        "algorithm in other case": header(alg="hs256"),
        "HS384": header(alg="HS384"),
        "RS256": header(alg="RS256"),
        "algorithm list": header(alg=["HS256"]),
        "no type": without(header(), "typ"),
        "plain JWT type": header(typ="JWT"),
        "type in other case": header(typ="AT+JWT"),
        "refresh type": header(typ="rt+jwt"),
        "no key id": without(header(), "kid"),
        "unknown key id": header(kid="k2"),
        "key id number": header(kid=1),
        "key id null": header(kid=None),
        "key id path": header(kid="../../dev/null"),
        "key id list": header(kid=["k1"]),
        "critical extension": header(crit=["b64"], b64=False),
        "embedded key": header(jwk={"kty": "oct", "k": "AAAA"}),
        "key address": header(jku="https://evil.test/keys"),
        "certificate": header(x5c=["AAAA"]),
        "nested": header(cty="JWT"),
        "compressed": header(zip="DEF"),
        "list": ["HS256"],
        "text": "HS256",
        "number": 1,
        "null": None,
        "not JSON": b"{",
        "not UTF-8": b"\xff\xfe",
        "deep": b"[" * 600,
        "empty": b"",
    }.items():
        yield f"header: {name}", forge(changed, claims())
    changed_claims: dict[str, dict[str, Any]] = {
        "other issuer": {"iss": "https://evil.test"},
        "issuer list": {"iss": ["https://aasim.test"]},
        "issuer null": {"iss": None},
        "other audience": {"aud": "other"},
        "audience list": {"aud": ["aasim"]},
        "audience null": {"aud": None},
        "subject of another kind": {"sub": new_id("agent")},
        "subject number": {"sub": 1},
        "subject empty": {"sub": ""},
        "subject with a tail": {"sub": WHO["user_id"] + "\n"},
        "session of another kind": {"sid": new_id("user")},
        "session null": {"sid": None},
        "organization all": {"org": "*"},
        "organization list": {"org": [WHO["organization_id"]]},
        "a day long": {"exp": now + 86400},
        "one second too long": {"exp": now + 901},
        "forever": {"exp": 2**62},
        "expiry text": {"exp": str(now + 900)},
        "expiry fraction": {"exp": now + 899.5},
        "expiry true": {"exp": True},
        "expiry null": {"exp": None},
        "expiry infinite": {"exp": float("inf")},
        "issued in the future": {"iat": now + 3600, "exp": now + 4500},
        "issued text": {"iat": str(now)},
        "issued fraction": {"iat": now + 0.5},
        "issued false": {"iat": False},
        "expires before issue": {"iat": now + 5, "exp": now + 4},
        "not before": {"nbf": now},
        "further claim": {"admin": True},
        "id": {"jti": "1"},
    }
    for name, changes in changed_claims.items():
        yield f"claims: {name}", forge(header(), claims(**changes))
    for name in ("iss", "aud", "sub", "sid", "org", "iat", "exp"):
        yield f"claims: without {name}", forge(header(), without(claims(), name))
    payloads = {"list": [], "text": "x", "not JSON": b"{", "not UTF-8": b"\xff", "deep": b"[" * 400, "empty": b""}
    for name, payload in payloads.items():
        yield f"claims: {name}", forge(header(), payload)
    good = forge(header(), claims())
    head, body, signature = good.split(".")
    yield from {
        "form: empty": "",
        "form: dots": "..",
        "form: two parts": f"{head}.{body}",
        "form: no signature": f"{head}.{body}.",
        "form: four parts": f"{good}.x",
        "form: space before": f" {good}",
        "form: new line after": f"{good}\n",
        "form: padded": f"{good}=",
        "form: padding inside": f"{head}=.{body}.{signature}",
        "form: signature cut": good[:-1],
        "form: signature doubled": good + signature,
        "form: standard alphabet": f"{head}.{body}.{'+' * 43}",
        "form: other script": good.replace("e", "\u0435"),
        "form: NUL": good + "\0",
        "form: too long": forge(header(), claims(sub="a" * 1000)),
        "form: other key": forge(header(), claims(), b"x" * 32),
        "form: raw material": forge(header(), claims(), bytes(range(32))),
        "form: empty key": forge(header(), claims(), b""),
        "form: unsigned": jwt.encode(claims(), "", algorithm="none", headers={"typ": "at+jwt", "kid": "k1"}),
    }.items()


@pytest.mark.parametrize("token", [pytest.param(token, id=name) for name, token in wrong_tokens()])
def test_a_token_that_is_not_exactly_ours_is_refused(token: str) -> None:
    assert code_of(token) == "invalid_token"


def test_no_other_signature_is_taken_not_even_one_that_decodes_alike() -> None:
    good = TOKENS.issue(**WHO)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for last in set(alphabet) - {good[-1]}:
        assert code_of(good[:-1] + last) == "invalid_token"


@given(st.data())
def test_a_token_with_any_character_changed_is_refused(data: st.DataObject) -> None:
    good = TOKENS.issue(**WHO)
    position = data.draw(st.integers(0, len(good) - 1))
    other = data.draw(st.characters().filter(lambda character: character != good[position]))
    assert code_of(good[:position] + other + good[position + 1 :]) == "invalid_token"


@given(st.text())
def test_no_text_is_a_token(text: str) -> None:
    assert code_of(text) == "invalid_token"


def test_a_token_ends_after_its_lifetime_although_its_signature_is_remembered() -> None:
    with time_machine.travel("2026-01-31T09:00:00Z", tick=False) as clock:
        token = TOKENS.issue(**WHO)
        clock.shift(899)
        assert TOKENS.verify(token).user_id == WHO["user_id"]
        clock.shift(1)
        assert code_of(token) == "token_expired"
        assert code_of(token, AccessTokens(KEYRING, issuer="https://aasim.test", audience="aasim")) == "token_expired"


def test_a_token_from_a_host_whose_clock_is_a_little_ahead_is_good() -> None:
    now = int(time())
    assert TOKENS.verify(forge(header(), claims(iat=now + 5, exp=now + 905))).expires_at == now + 905


def test_a_token_survives_the_rotation_of_keys_and_dies_with_its_key() -> None:
    token = TOKENS.issue(**WHO)
    rotated = AccessTokens(KEYRING.rotated(), issuer="https://aasim.test", audience="aasim")
    assert rotated.verify(token).session_id == WHO["session_id"]
    assert code_of(rotated.issue(**WHO)) == "invalid_token"
    assert code_of(token, AccessTokens(Keyring([new_key()]), issuer="https://aasim.test", audience="aasim")) == "invalid_token"


def test_a_lifetime_beyond_fifteen_minutes_cannot_be_configured() -> None:
    with pytest.raises(ValueError, match="at most 900 seconds"):
        AccessTokens(KEYRING, issuer="a", audience="b", lifetime_seconds=901)
