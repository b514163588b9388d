"""Operations on connected apps: store, share, test, revoke, and call."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aasim_core.access.rights import Rights
from aasim_core.clock import now
from aasim_core.data import records
from aasim_core.errors import Refused, not_found
from aasim_core.events.log import emit
from aasim_core.ids import is_id, new_id
from aasim_core.jobs.queue import enqueue
from aasim_core.secrets import Secret

from .connecting import AppError, Connector, HttpAnswer, HttpRequest, never, refusal
from .credentials import authorizing, tokens
from .credentials.app_status import note_ending, note_failure, note_success, open_connection
from .credentials.vault import sealed, settings_of
from .models import CONNECTED, NEEDS_REAUTH, PENDING, REVOKED, AppOperation, ConnectedApp, PendingAuthorization, Share, Use
from .operations import calling, probing, requesting, sharing, syncing
from .registry import connector_of, connectors_of

if TYPE_CHECKING:
    from aasim_core.app import App

#: Never shown to clients.
_INTERNAL = ("generation", "refresh_at", "refreshed_at", "refreshing_until")
_TRIES_SECONDS = 30.0


def find(connected_app_id: str) -> ConnectedApp:
    """The app of that id in the organization in scope; raises the one 404."""
    row: ConnectedApp | None = find_or_none(connected_app_id)
    if row is None:
        raise not_found()
    return row


def find_or_none(connected_app_id: str) -> ConnectedApp | None:
    """The app of that id in the organization in scope, or None."""
    return records.find_or_none(ConnectedApp, connected_app_id) if is_id(connected_app_id, "capp") else None


def find_operation(connected_app_id: str, operation: str) -> AppOperation | None:
    """The operation of the app that agents may use, or None."""
    return calling.find_operation(connected_app_id, operation)


def contract_of(app: "App", row: ConnectedApp, operation: AppOperation) -> str:
    """Return a digest of the operation's effect besides its arguments; it changes with the request, the schema, or the effect.

    Empty where its connector's plugin is disabled: nothing can be called then.
    """
    connector = connectors_of(app).get(row.provider)
    return "" if connector is None else calling.contract_of(connector, row.config, operation)


def create(app: "App", values: Mapping[str, Any], connector: Connector) -> ConnectedApp:
    """Write a new app with what it can do. Needs a transaction."""
    row = ConnectedApp(**{name: value for name, value in values.items() if name != "credentials"}, id=new_id("capp"))
    row.status = CONNECTED if connector.refresh is None else PENDING
    row.secret = sealed(app, row, _secrets(values["credentials"]))
    records.insert(row)
    sharing.write_shares(row)
    syncing.write_declared(row, connector)
    _get_first_tokens(app, row, connector)
    emit("connected_apps.created", row)
    return row


def change(app: "App", row: ConnectedApp, values: Mapping[str, Any], connector: Connector) -> ConnectedApp:
    """Write changed values; new credentials or another node reset the app. Needs a transaction."""
    values = dict(values)
    credentials = values.pop("credentials", None)
    begins = credentials is not None or _leads_elsewhere(row, values, connector)
    if begins:
        values |= _anew(app, row, credentials, connector)
    changed = records.change(row, values)
    if not changed:
        return row
    if "shared_with" in changed:
        sharing.write_shares(row)
    if "config" in changed:
        syncing.write_declared(row, connector)
    if begins:
        _get_first_tokens(app, row, connector)
    told = {name: both for name, both in changed.items() if name not in _INTERNAL}
    emit("connected_apps.updated", row, changes=told, secret_fields=("secret",))
    return row


def _anew(app: "App", row: ConnectedApp, credentials: Mapping[str, Any] | None, connector: Connector) -> dict[str, Any]:
    """What changes where credentials or place do: tokens are of the old ones."""
    try:
        kept = open_connection(app, row, _TRIES_SECONDS).credentials if credentials is None else _secrets(credentials)
    except AppError as error:
        raise refusal(error) from error
    return {
        "secret": sealed(app, row, kept), "generation": row.generation + 1, "last_error": None, "expires_at": None,
        "refresh_at": None, "refreshed_at": None, "refreshing_until": None, "status": CONNECTED if connector.refresh is None else PENDING,
    }  # fmt: skip


def _leads_elsewhere(row: ConnectedApp, values: Mapping[str, Any], connector: Connector) -> bool:
    """Whether tokens of before would be sent to another place, or were given to another client."""
    if connector.refresh is None or "config" not in values:
        return False
    told_of = ("base_url", "client_id", "token_url", "authorize_url", "grant")
    return any(row.config.get(name) != values["config"].get(name) for name in told_of)


def _get_first_tokens(app: "App", row: ConnectedApp, connector: Connector) -> None:
    """Have tokens fetched at once where no person is needed."""
    authorization = connector.authorization
    needs_nobody = authorization is None or not authorization.applies(row.config)
    if connector.refresh is not None and needs_nobody:
        enqueue("connected_apps.renew", {"app_id": row.id}, unique_key=row.id)


def remove(row: ConnectedApp, users: Sequence[Mapping[str, str]], count: int) -> None:
    """Delete the app with all that is known of it. Needs a transaction.

    Refused ``in_use`` while anything uses it, with the `users` that the caller sees, and the `count` of all.
    """
    if count:
        message = "Agents have operations of this app among their tools; take them off first."
        raise Refused("in_use", message, meta={"used_by": list(users), "used_by_count": count})
    for model in (AppOperation, Share, Use, PendingAuthorization):
        model.delete().where(model.app_id == row.id).execute()
    records.remove(row)
    emit("connected_apps.deleted", row)


def refresh_token(app: "App", row: ConnectedApp) -> ConnectedApp:
    """Get new tokens, unless that was done a moment ago; Refused where that cannot be. Call it outside of transactions."""
    if row.status == REVOKED:
        raise Refused("invalid_state", "The app is revoked; connect it again as another one.")
    if tokens.is_fresh(row):
        return row
    try:
        connector = connector_of(app, row.provider)
        if not tokens.refreshable(connector, open_connection(app, row, _TRIES_SECONDS)):
            raise Refused("invalid_state", "The app has no token that could be renewed; authorize it, or write its credentials.")
        return tokens.refresh(app, row, _TRIES_SECONDS)
    except AppError as error:
        raise refusal(error) from error


def test(app: "App", row: ConnectedApp) -> probing.Probe:
    """Test the app, and remember how that went. Call it outside of transactions."""
    outcome = probing.probe(app, row)
    ok = outcome.error is None
    with app.database.transaction():
        current = find(row.id)
        if ok:
            note_success(current)
        emit("connected_apps.tested", current, data={"ok": ok, "code": outcome.error.code if outcome.error else ""})
    return outcome


def request_sync(row: ConnectedApp) -> None:
    """Have the app asked for what it can do. Needs a transaction."""
    if row.status == REVOKED:
        raise Refused("invalid_state", "The app is revoked; connect it again as another one.")
    enqueue("connected_apps.sync", {"app_id": row.id}, unique_key=row.id)
    emit("connected_apps.sync_requested", row)


def sync(app: "App", connected_app_id: str) -> None:
    """Read what the app can do; raises `AppError` where that may work later."""
    row = find_or_none(connected_app_id)
    if row is None or row.status == REVOKED:
        return
    try:
        syncing.sync(app, row)
    except AppError as error:
        note_failure(app, row, error)
        raise


def renew(app: "App", connected_app_id: str) -> None:
    """Refresh an app's expiring tokens; raises `AppError` for a temporary failure."""
    row = find_or_none(connected_app_id)
    if row is None or row.status == REVOKED or not _needs_tokens(row):
        return
    connector = connector_of(app, row.provider)
    if tokens.refreshable(connector, open_connection(app, row, _TRIES_SECONDS)):
        tokens.refresh(app, row, _TRIES_SECONDS)
        return
    with app.database.transaction():
        note_ending(find(row.id))


def _needs_tokens(row: ConnectedApp) -> bool:
    return row.status == PENDING or tokens.is_due(row)


def call_operation(
    app: "App",
    connected_app_id: str,
    operation: str,
    arguments: Mapping[str, Any],
    *,
    idempotency_key: str,
    execution_id: str | None = None,
    step: str | None = None,
    seconds_left: float | None = None,
    should_stop: Callable[[], bool] = never,
    contract: str | None = None,
) -> Any:
    """The result of an operation of an app: a JSON value, cut to 16 kB with a marker. Raises `AppError`.

    Its secret is open only meanwhile; `should_stop` ends it. Where the operation has another `contract` than that (see `contract_of`),
    nothing is sent, and the error is ``changed``. Call it outside of transactions. Whether somebody may use the app is for
    the caller to know, see `may_use`.
    """
    row, seconds = _to_use(app, connected_app_id, seconds_left)
    request = calling.Request(operation, arguments, idempotency_key, execution_id, step, seconds, contract, should_stop)
    return calling.call(app, row, request)


def why_not_requested(app: "App", row: ConnectedApp, method: str, url: str) -> tuple[str, str] | None:
    """Why a request with the app's credentials that no operation declares must not be made, see `Requests.why_not`; None if it may."""
    try:
        return requesting.why_not(connector_of(app, row.provider), row.config, method, url)
    except AppError as error:
        return "connected_app_id", refusal(error).message


def request_contract_of(app: "App", row: ConnectedApp) -> str:
    """What `contract_of` is for operations, for such requests."""
    connector = connectors_of(app).get(row.provider)
    return "" if connector is None else requesting.contract_of(connector, row.config)


def send_request(
    app: "App",
    connected_app_id: str,
    wanted: HttpRequest,
    *,
    execution_id: str | None = None,
    step: str | None = None,
    seconds_left: float | None = None,
    should_stop: Callable[[], bool] = never,
    contract: str | None = None,
) -> HttpAnswer:
    """The same as `call_operation` for a request that no operation declares.

    Its idempotency key is one of its headers, and its answer is not cut.
    """
    row, seconds = _to_use(app, connected_app_id, seconds_left)
    request = calling.Request(wanted.method, {}, "", execution_id, step, seconds, contract, should_stop)
    return requesting.send(app, row, wanted, request)


def _to_use(app: "App", connected_app_id: str, seconds_left: float | None) -> tuple[ConnectedApp, float]:
    """The app, and how long its use may take; `AppError` where it is not there."""
    row = find_or_none(connected_app_id)
    if row is None:
        raise AppError("not_found", "there is no such connected app")
    most = settings_of(app).call_seconds
    return row, most if seconds_left is None else min(most, seconds_left)


def needs_a_person(connected_app_id: str) -> bool:
    """Return whether the app must be reconnected by a person; until then its users wait."""
    row = find_or_none(connected_app_id)
    return row is not None and row.status == NEEDS_REAUTH


def may_use(rights: Rights, row: ConnectedApp, user_id: str) -> bool:
    """Whether the user, who has these rights, may use the app."""
    return sharing.allows(rights, sharing.USE, row, user_id)


def prune(before: Any, should_stop: Any) -> None:
    """Forget uses of before, and authorizations that came to nothing; in a system scope, of all organizations."""
    database = records.database_of(Use)
    for model, is_over in ((Use, Use.created_at < before), (PendingAuthorization, PendingAuthorization.expires_at < now())):
        while not should_stop():
            old = model.select(model.id).where(is_over).limit(500)
            with database.transaction():
                gone = model.delete().where(model.id.in_([row.id for row in old])).execute()
            if gone < 500:
                break


def begin_authorization(app: "App", row: ConnectedApp, user_id: str) -> tuple[str, Any]:
    """Where to send the person who allows the app to be used, and until when. Needs a transaction."""
    return authorizing.begin(app, row, user_id)


def _secrets(credentials: Mapping[str, Any] | None) -> dict[str, Secret]:
    return {name: Secret(value) for name, value in (credentials or {}).items()}
