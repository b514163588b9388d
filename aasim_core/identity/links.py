"""Links that are mailed: a token that only the mail has, of which a digest is kept."""

import re
from datetime import timedelta
from hashlib import sha256
from secrets import token_urlsafe
from typing import Any

from ..clock import now
from ..data.records import create
from .records import EmailVerification, PasswordReset

#: What the tokens of each kind of link begin with.
RESET, INVITATION, VERIFICATION, REGISTRATION = "aasim_pr_", "aasim_iv_", "aasim_ev_", "aasim_rg_"
_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")

#: Records of links to an account that are good once, until they expire.
Link = PasswordReset | EmailVerification


def new_token(kind: str) -> tuple[str, str]:
    """A fresh token (256 random bits) and its digest."""
    token = kind + token_urlsafe(32)
    return token, _digest(token)


def digest_of(token: str, kind: str) -> str | None:
    """What is kept of the token, None for what is none of that kind."""
    is_one = token.startswith(kind) and _SECRET.fullmatch(token[len(kind) :]) is not None
    return _digest(token) if is_one else None


def make(model: type[Link], kind: str, lifetime: timedelta, **values: Any) -> str:
    """Write a link to an account; returns its token. Needs a transaction."""
    token, digest = new_token(kind)
    create(model, digest=digest, expires_at=now() + lifetime, **values)
    return token


def find(model: type[Any], token: str, kind: str) -> Any:
    """The link of the token, None where it is used, has expired, or never was one."""
    digest = digest_of(token, kind)
    if digest is None:
        return None
    return model.get_or_none(model.digest == digest, model.used_at.is_null(), model.expires_at > now())


def spend(link: Any) -> bool:
    """Use the link; of many who use it at the same time one gets True. Needs a transaction."""
    model = type(link)
    return bool(model.update(used_at=now()).where(model.id == link.id, model.used_at.is_null()).execute())


def void(user_id: str) -> None:
    """Make every link that was mailed to the account before no good. Needs a transaction."""
    for model in (PasswordReset, EmailVerification):
        model.update(used_at=now()).where(model.user_id == user_id, model.used_at.is_null()).execute()


def _digest(token: str) -> str:
    return sha256(token.encode()).hexdigest()
