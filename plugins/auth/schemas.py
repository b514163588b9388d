"""Requests and responses of accounts."""

from aasim_core.identity.passwords import MAX_LENGTH, MIN_LENGTH
from aasim_core.resources.places import PlaceOut
from aasim_core.schemas.fields import Boolean, Email, Id, Instant, Integer, ListOf, Locale, Object, Secret, Text, Timezone, Url
from aasim_core.schemas.rules import OneOf
from aasim_core.schemas.schema import Schema

_MANY = 1_000


def _chosen_password() -> Secret:
    description = f"{MIN_LENGTH} to {MAX_LENGTH} characters that are hard to guess."
    return Secret(MIN_LENGTH, MAX_LENGTH, required=True, description=description)


class RegisterIn(Schema):
    """A new account."""

    name = Text(1, 120, required=True, example="Ada Lovelace")
    email = Email(required=True)
    password = _chosen_password()
    organization_name = Text(1, 120, description="The name of the new organization; derived from the person's name by default.")
    invitation_token = Secret(max_length=200, description="From an invitation: joins its organization.")

    rules = (OneOf("organization_name", "invitation_token", optional=True),)


class ConfirmRegistrationIn(Schema):
    """Confirmation of a registration's address."""

    token = Secret(max_length=200, required=True, description="From the mail.")
    password = Secret(max_length=MAX_LENGTH, required=True, description="The password chosen at registration.")


class LoginIn(Schema):
    """A login."""

    email = Email(required=True)
    password = Secret(max_length=256, required=True)


class RefreshIn(Schema):
    """A token refresh."""

    refresh_token = Secret(max_length=200, required=True)


class LogoutIn(Schema):
    """The sessions to end."""

    all_sessions = Boolean(load_default=False, description="End every session of the account, not only this one.")


class ChangePasswordIn(Schema):
    """A change of password."""

    current_password = Secret(max_length=256, required=True)
    new_password = _chosen_password()


class ForgotPasswordIn(Schema):
    """The address for the link."""

    email = Email(required=True)


class ResetPasswordIn(Schema):
    """A new password, set through a link."""

    token = Secret(max_length=200, required=True)
    password = _chosen_password()


class VerifyEmailIn(Schema):
    """Verification of an address."""

    token = Secret(max_length=200, required=True, description="From the mail.")


class AcceptInvitationIn(Schema):
    """An invitation to the address of the caller's account."""

    invitation_token = Secret(max_length=200, required=True, description="From the mail.")


class ProfileIn(Schema):
    """A person's profile."""

    name = Text(1, 120, required=True)
    timezone = Timezone(load_default="UTC")
    locale = Locale(load_default="en")
    avatar_url = Url(schemes=("https",), allow_none=True, load_default=None)
    organization_id = Id("organization", description="The organization for new tokens; one of the caller's own.")


class UserOut(Schema):
    """An account, as its owner sees it."""

    id = Id("user")
    email = Email()
    name = Text()
    status = Text(example="active")
    kind = Text(example="person")
    timezone = Text()
    locale = Text()
    avatar_url = Text(allow_none=True)
    is_platform_admin = Boolean()
    last_login_at = Instant(allow_none=True)
    email_verified_at = Instant(allow_none=True, description="When the address was verified.")
    created_at = Instant()
    updated_at = Instant()
    version = Integer()


class OrganizationOut(Schema):
    """The organization, in short."""

    id = Id("organization")
    name = Text()
    slug = Text()
    status = Text(example="active")
    timezone = Text()
    plan = Text(example="community")


class TokensOut(Schema):
    """Tokens for a session."""

    access_token = Text(max_length=1024)
    refresh_token = Text()
    token_type = Text()
    expires_in = Integer(description="Seconds until the access token expires.")
    session_id = Id("session")


class LoginOut(TokensOut):
    """Tokens, and their account."""

    user = Object(UserOut)


class RegisterOut(LoginOut):
    """Tokens, the new account and its organization."""

    organization = Object(OrganizationOut)


class LogoutOut(Schema):
    """The number of ended sessions."""

    sessions = Integer()


class HeldRoleOut(Schema):
    """A role that the caller holds at a node."""

    role_id = Id("role")
    role = Text()
    place = Object(PlaceOut)
    source = Text(description="direct, team, or the identity provider.")
    expires_at = Instant(allow_none=True)


class MeOut(Schema):
    """The caller and their rights."""

    user = Object(UserOut)
    organization = Object(OrganizationOut)
    roles = ListOf(Object(HeldRoleOut), _MANY)
    permissions = ListOf(Text(), _MANY, description="Permissions that the caller holds at any node of the organization.")
    features = ListOf(Text(), _MANY, description="The plugins enabled for the organization.")


class DoneOut(Schema):
    """Nothing more to say than the message."""
