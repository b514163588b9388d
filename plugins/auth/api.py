"""The endpoints of accounts."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from aasim_core import Request, Resource, Response, operation
from aasim_core.http.operations import PUBLIC, SELF
from aasim_core.identity.clients import Client
from aasim_core.identity.sessions import RETRY_SECONDS, Tokens
from aasim_core.lists.render_plan import Plan
from aasim_core.tenancy.records import User

from . import account, registrations, resets, schemas, service, verification

if TYPE_CHECKING:
    from aasim_core import App

_USER = Plan(schemas.UserOut())
_ORGANIZATION = Plan(schemas.OrganizationOut())

# Hashing a password must not hold up every other write, so most of these have transactions of their own.
# A response with tokens is stored as briefly as a retry needs it: it opens the account.
_KEEP_TOKENS = 60


class Auth(Resource):
    """Registration, login, token refresh, and password reset."""

    paths: ClassVar[Mapping[str, str]] = {
        "register": "/auth/register", "confirm": "/auth/confirm-registration", "login": "/auth/login", "refresh": "/auth/refresh",
        "forgot": "/auth/forgot-password", "reset": "/auth/reset-password", "verify": "/auth/verify-email",
    }  # fmt: skip

    def __init__(self, app: "App") -> None:
        self.app = app

    @operation(
        PUBLIC, body=schemas.RegisterIn(), reply=schemas.RegisterOut(), status=201, transaction=False, keep_seconds=_KEEP_TOKENS,
        message="Welcome.", bare={202: "A mail with further instructions is on its way to this address."},
        refusals=("registration_closed", "too_many_attempts", "busy"),
    )  # fmt: skip
    def on_post_register(self, req: Request, resp: Response) -> None:
        """Register an account.

        The account owns a new organization, or joins that of an invitation. Where registrations must be confirmed by mail, the response
        without an invitation is 202 whether or not the account exists.
        """
        if self.app.settings.auth.registration == "confirmed" and "invitation_token" not in req.body:
            registrations.ask(self.app, **req.body)
            resp.status = 202
        else:
            _welcome(resp, service.register(self.app, client_of(req), **req.body))

    @operation(
        PUBLIC, body=schemas.ConfirmRegistrationIn(), reply=schemas.RegisterOut(), status=201, transaction=False,
        keep_seconds=_KEEP_TOKENS, message="Welcome.", refusals=("registration_closed",),
    )  # fmt: skip
    def on_post_confirm(self, req: Request, resp: Response) -> None:
        """Confirm a registration with the token from the mail and the password.

        The token works once, for 24 hours, and creates the account.
        """
        _welcome(resp, registrations.confirm(self.app, client_of(req), **req.body))

    @operation(
        PUBLIC, body=schemas.LoginIn(), reply=schemas.LoginOut(), transaction=False, keep_seconds=_KEEP_TOKENS,
        message="Logged in.", refusals=("invalid_credentials", "too_many_attempts", "busy"),
    )  # fmt: skip
    def on_post_login(self, req: Request, resp: Response) -> None:
        """Log in with address and password.

        All failures look the same.
        """
        entry = service.log_in(self.app, client_of(req), **req.body)
        resp.media = {**shown(entry.tokens), "user": _USER.item(entry.user)}

    @operation(
        PUBLIC, body=schemas.RefreshIn(), reply=schemas.TokensOut(), transaction=False, keep_seconds=RETRY_SECONDS,
        message="Tokens renewed.", refusals=("invalid_refresh_token",),
    )  # fmt: skip
    def on_post_refresh(self, req: Request, resp: Response) -> None:
        """Exchange a refresh token for new tokens.

        Each works once; reuse ends the session.
        """
        resp.media = shown(service.refresh(self.app, req.body["refresh_token"]))

    @operation(
        PUBLIC, body=schemas.ForgotPasswordIn(), reply=schemas.DoneOut(), transaction=False,
        message="If there is an account with this address, a mail is on its way.",
    )  # fmt: skip
    def on_post_forgot(self, req: Request, resp: Response) -> None:
        """Request a link to set a new password.

        The response is the same whether or not the account exists.
        """
        resets.forgot_password(self.app, req.body["email"])
        resp.media = {}

    @operation(
        PUBLIC, body=schemas.ResetPasswordIn(), reply=schemas.DoneOut(), transaction=False,
        message="The password is changed; log in with it.", refusals=("busy",),
    )  # fmt: skip
    def on_post_reset(self, req: Request, resp: Response) -> None:
        """Set a new password with the token from a mail.

        The token works once, for 30 minutes; all sessions end.
        """
        resets.reset_password(self.app, client_of(req), **req.body)
        resp.media = {}

    @operation(
        PUBLIC, body=schemas.VerifyEmailIn(), reply=schemas.DoneOut(), transaction=False, message="The address is verified."
    )
    def on_post_verify(self, req: Request, resp: Response) -> None:
        """Verify an account's address with the token from a mail.

        The token works once, for 24 hours.
        """
        verification.verify_email(self.app, client_of(req), req.body["token"])
        resp.media = {}


class Account(Resource):
    """The caller's own account."""

    paths: ClassVar[Mapping[str, str]] = {
        "logout": "/auth/logout", "me": "/auth/me", "profile": "/auth/profile", "password": "/auth/change-password",
        "accept": "/auth/accept-invitation",
    }  # fmt: skip

    def __init__(self, app: "App") -> None:
        self.app = app

    def find(self, req: Request, **ids: str) -> User:
        """Return the caller's account."""
        return account.of(req.principal)

    @operation(
        SELF, body=schemas.LogoutIn(), reply=schemas.LogoutOut(), transaction=False, session_only=True, message="Logged out.",
        refusals=("session_required",),
    )  # fmt: skip
    def on_post_logout(self, req: Request, resp: Response) -> None:
        """Log out of this session, or of all sessions of the account."""
        resp.media = {"sessions": service.log_out(self.app, req.principal, all_sessions=req.body["all_sessions"])}

    @operation(SELF, reply=schemas.MeOut(), message="This is you.")
    def on_get_me(self, req: Request, resp: Response) -> None:
        """Read the caller's account, organization, roles, permissions and features."""
        facts = account.describe(self.app, req.principal)
        resp.media = {**facts, "user": _USER.item(facts["user"]), "organization": _ORGANIZATION.item(facts["organization"])}

    @operation(
        SELF, body=schemas.ProfileIn(), reply=schemas.UserOut(), session_only=True, about_caller=True,
        message="Profile replaced.", refusals=("session_required",),
    )  # fmt: skip
    def on_put_profile(self, req: Request, resp: Response) -> None:
        """Replace the caller's own profile.

        Omitted fields return to their defaults.
        """
        resp.media = account.change_profile(req.target, req.principal, req.body)

    @operation(
        SELF, body=schemas.ChangePasswordIn(), reply=schemas.LogoutOut(), transaction=False, session_only=True,
        message="Password changed; the other sessions have ended.",
        refusals=("session_required", "invalid_credentials", "too_many_attempts", "busy"),
    )  # fmt: skip
    def on_post_password(self, req: Request, resp: Response) -> None:
        """Change the password.

        The caller's other sessions end.
        """
        resp.media = {"sessions": account.change_password(self.app, req.principal, client_of(req), **req.body)}

    @operation(
        SELF, body=schemas.AcceptInvitationIn(), reply=schemas.OrganizationOut(), transaction=False, session_only=True,
        message="Joined.", refusals=("session_required", "invalid_state"),
    )  # fmt: skip
    def on_post_accept(self, req: Request, resp: Response) -> None:
        """Accept an invitation with the caller's account.

        The invitation must be for the account's address.
        """
        resp.media = service.accept_invitation(self.app, req.principal, req.body["invitation_token"])


def client_of(req: Request) -> Client:
    """Return the origin of the request."""
    return Client.of(req.remote_addr, req.user_agent)


def _welcome(resp: Response, entry: service.Entry) -> None:
    resp.location = f"/api/v1/users/{entry.user.id}"
    resp.media = {**shown(entry.tokens), "user": _USER.item(entry.user), "organization": _ORGANIZATION.item(entry.organization)}


def shown(tokens: Tokens) -> dict[str, Any]:
    """Return tokens as responses contain them (RFC 6749, 5.1)."""
    return {
        "access_token": tokens.access_token, "refresh_token": tokens.refresh_token, "token_type": "Bearer",
        "expires_in": tokens.expires_in, "session_id": tokens.session_id,
    }  # fmt: skip
