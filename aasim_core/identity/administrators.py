"""The first administrator of an installation; never whoever registers first."""

from typing import TYPE_CHECKING

from ..clock import now
from ..context import system_scope
from ..errors import StartupError
from .accounts import create_user, found_organization
from .passwords import require_strong
from .records import User
from .sessions import home_of

if TYPE_CHECKING:
    from ..app import App


def create(app: "App", email: str, password: str, *, name: str = "Administrator", organization_name: str = "") -> User:
    """Make a platform administrator with an organization of their own; Invalid for a weak password or a taken address."""
    if not _is_address(email):
        raise StartupError(f'{email!r} is not an e-mail address; write one such as "admin@example.com"', exit_code=64)
    require_strong(password, context=[email, name])
    password_hash = app.passwords.hash(password)
    with app.database.connected(), system_scope("create an administrator"), app.database.transaction():
        user = create_user(email, name, password_hash, is_platform_admin=True)
        User.update(password_changed_at=now()).where(User.id == user.id).execute()
        found_organization(organization_name or f"{name}'s organization", user)
    return user


def exist(app: "App") -> bool:
    """Whether there is a platform administrator."""
    with app.database.connected():
        return bool(User.select(User.id).where(User.is_platform_admin).exists())


def first_home(app: "App") -> tuple[str, str] | None:
    """The first administrator and the organization that was made for them, as (user id, organization id)."""
    with app.database.connected():
        user = User.select().where(User.is_platform_admin).order_by(User.created_at).first()
        home = home_of(user.id) if user is not None else None
    return (user.id, home) if user is not None and home is not None else None


def _is_address(text: str) -> bool:
    local, at, domain = text.rpartition("@")
    return bool(at and local and domain) and text.isascii() and text.isprintable() and " " not in text and len(text) <= 254
