"""Links sent by mail: the token is only in the mail, and its digest is stored."""

import re
from datetime import timedelta
from hashlib import sha256
from secrets import token_urlsafe
from typing import Any

from ..clock import now
from ..data.records import create
from .records import EmailVerification, PasswordReset

#: The token prefix of each kind of link.
RESET, INVITATION, VERIFICATION, REGISTRATION = "aasim_pr_", "aasim_iv_", "aasim_ev_", "aasim_rg_"
_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")

#: Records of single-use, expiring links to an account.
Link = PasswordReset | EmailVerification


def new_token(kind: str) -> tuple[str, str]:
    """Return a new token (256 random bits) and its digest."""
    token = kind + token_urlsafe(32)
    return token, _digest(token)


def digest_of(token: str, kind: str) -> str | None:
    """Return the digest of the token, None if it is not of that kind."""
    is_one = token.startswith(kind) and _SECRET.fullmatch(token[len(kind) :]) is not None
    return _digest(token) if is_one else None


def make(model: type[Link], kind: str, lifetime: timedelta, **values: Any) -> str:
    """Write a link to an account; returns its token. Needs a transaction."""
    token, digest = new_token(kind)
    create(model, digest=digest, expires_at=now() + lifetime, **values)
    return token


def find(model: type[Any], token: str, kind: str) -> Any:
    """Return the link of the token, None where it is used, expired or nonexistent."""
    digest = digest_of(token, kind)
    if digest is None:
        return None
    return model.get_or_none(model.digest == digest, model.used_at.is_null(), model.expires_at > now())


def spend(link: Any) -> bool:
    """Use the link; only one of several concurrent uses gets True. Needs a transaction."""
    model = type(link)
    return bool(model.update(used_at=now()).where(model.id == link.id, model.used_at.is_null()).execute())


def void(user_id: str) -> None:
    """Revoke every link that was mailed to the account before. Needs a transaction."""
    for model in (PasswordReset, EmailVerification):
        model.update(used_at=now()).where(model.user_id == user_id, model.used_at.is_null()).execute()


def _digest(token: str) -> str:
    return sha256(token.encode()).hexdigest()
