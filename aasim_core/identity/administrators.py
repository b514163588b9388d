"""Platform administrators; registration never creates one."""

from typing import TYPE_CHECKING

from ..clock import now
from ..context import organization_scope, system_scope
from ..errors import InvalidArgument
from ..events.log import Subject, emit
from ..tenancy.principal import Principal
from ..tenancy.records import User
from .accounts import create_user, found_organization
from .on_behalf_of import principal_now
from .passwords import Passwords, require_strong
from .records import PasswordReset
from .sessions import end_all, hold, home_of

if TYPE_CHECKING:
    from ..data.database import Database

RESET = "core.administrator_reset"


def create(
    database: "Database",
    passwords: Passwords,
    email: str,
    password: str,
    *,
    name: str = "Administrator",
    organization_name: str = "",
) -> User:
    """Make a platform administrator with an organization of their own; Invalid for a weak password or a taken address."""
    refuse_bad_address(email)
    require_strong(password, context=[email, name])
    password_hash = passwords.hash(password)
    with database.connected(), system_scope("create an administrator"), database.transaction():
        user = create_user(email, name, password_hash, is_platform_admin=True)
        User.update(password_changed_at=now()).where(User.id == user.id).execute()
        found_organization(organization_name or f"{name}'s organization", user)
    return user


def refuse_bad_address(email: str) -> None:
    """InvalidArgument for an invalid e-mail address."""
    if not _is_address(email):
        raise InvalidArgument(f'{email!r} is not an e-mail address; write one such as "admin@example.com"')


def reset_password(database: "Database", passwords: Passwords, email: str, password: str) -> int:
    """Set an administrator's password and end their sessions, of which it returns the number; links that were sent before are void.

    InvalidArgument where no administrator has the address, Invalid for a weak password.
    """
    with database.connected(), system_scope("reset the password of an administrator"), database.transaction():
        user = User.get_or_none(User.is_platform_admin & (User.email == email.strip().lower()))
        if user is None:
            raise InvalidArgument(f'no administrator has the address {email!r}; "aasim admin list" shows all')
        require_strong(password, context=[user.email, user.name])
        hold(user.id)
        moment = now()
        User.update(password_hash=passwords.hash(password), password_changed_at=moment).where(User.id == user.id).execute()
        PasswordReset.update(used_at=moment).where(PasswordReset.user_id == user.id, PasswordReset.used_at.is_null()).execute()
        ended = end_all(user.id, "password_reset")
        if (home := home_of(user.id)) is not None:
            emit(RESET, Subject("user", user.id, user.email), data={"sessions": ended}, organization_id=home)
    return ended


def list_all(database: "Database") -> list[User]:
    """The platform administrators, the oldest first."""
    with database.connected():
        return list(User.select().where(User.is_platform_admin).order_by(User.created_at))


def exist(database: "Database") -> bool:
    """Whether there is a platform administrator."""
    with database.connected():
        return bool(User.select(User.id).where(User.is_platform_admin).exists())


def first(database: "Database") -> Principal | None:
    """The first administrator, in the organization that was made for them; None where there is none, or they may no longer act there."""
    with database.connected():
        user = User.select().where(User.is_platform_admin).order_by(User.created_at).first()
        home = home_of(user.id) if user is not None else None
        if home is None:
            return None
        with organization_scope(home):
            return principal_now(user.id)


def _is_address(text: str) -> bool:
    local, at, domain = text.rpartition("@")
    return bool(at and local and domain) and text.isascii() and text.isprintable() and " " not in text and len(text) <= 254
