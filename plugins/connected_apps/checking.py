"""Validation of a connected app beyond its schema: the connector's configuration and the addresses."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

from aasim_core.errors import Invalid, Problem, Refused
from aasim_core.outbound.secret_addresses import leads_elsewhere
from aasim_core.text.suggestions import did_you_mean
from aasim_core.user_code import json_schema

from .connecting import AuthType, Connector
from .credentials.vault import settings_of
from .models import REVOKED, ConnectedApp
from .registry import connectors_of

if TYPE_CHECKING:
    from aasim_core.app import App

#: What makes an app the one that it is.
_FIXED = ("provider", "auth_type")


def connector_for(app: "App", values: Mapping[str, Any], record: ConnectedApp | None) -> Connector:
    """The connector that the values name, or the record has; Invalid for none, Refused for another than before."""
    if record is not None:
        _refuse_another(values, record)
    name = values["provider"] if record is None else record.provider
    known = connectors_of(app)
    if name not in known:
        if (plugin := app.offers.off_here("connectors", name)) is not None:
            raise Invalid({"provider": [Problem("invalid_choice", app.features.explain_off(plugin, f"the connector {name}"))]})
        advice = did_you_mean(name, known) or f" There are {', '.join(sorted(known))}."
        raise Invalid({"provider": [Problem("invalid_choice", f"No plugin brings this connector.{advice}")]})
    connector = known[name]
    auth_type = values["auth_type"] if record is None else record.auth_type
    if auth_type not in connector.credentials:
        message = f"The connector {name} takes {' or '.join(connector.credentials)}."
        raise Invalid({"auth_type": [Problem("invalid_choice", message)]})
    return connector


def _refuse_another(values: Mapping[str, Any], record: ConnectedApp) -> None:
    if record.status == REVOKED:
        raise Refused("invalid_state", "The app is revoked and cannot be changed; connect it again as another one.")
    for name in _FIXED:
        if values.get(name, getattr(record, name)) != getattr(record, name):
            raise Refused("invalid_state", f"The {name} of an app cannot be changed; connect another app.")


def refuse_bad_config(app: "App", connector: Connector, config: Mapping[str, Any], auth_type: Any) -> None:
    """Invalid where the connector does not take the configuration, or it leads to where apps may not be."""
    problems = {
        f"config.{path}" if path != "_" else "config": [problem] for path, problem in _flaws(connector, config, auth_type)
    }
    if not problems:
        host = _closed_host(app, connector, config)
        if host is not None:
            message = f"Apps may not be at {host}, unless the operator allows it in connected_apps.allowed_networks."
            problems = {"config": [Problem("url_not_allowed", message)]}
    if problems:
        raise Invalid(problems)


def _flaws(connector: Connector, config: Mapping[str, Any], auth_type: Any) -> Iterable[tuple[str, Problem]]:
    broken = json_schema.violations(connector.config, config)
    if broken:
        return [(path, Problem("invalid_format", f"{message}.")) for path, message in broken]
    return [(path, Problem("invalid_format", message)) for path, message in connector.flaws(config, auth_type)]


def _closed_host(app: "App", connector: Connector, config: Mapping[str, Any]) -> str | None:
    from aasim_core.outbound.egress import Egress

    egress = Egress(settings_of(app).allowed_networks)
    return next((address.host for address in connector.addresses(config) if egress.closes(address.host)), None)


def refuse_to_move_secrets(connector: Connector, values: Mapping[str, Any], record: ConnectedApp) -> None:
    """Invalid where credentials that the caller need not know would be sent to another place from now on."""
    if "config" not in values or "credentials" in values or record.secret is None:
        return
    has_secrets = bool(connector.credentials.get(cast("AuthType", record.auth_type), {}).get("properties"))
    before, after = connector.addresses(record.config), connector.addresses(values["config"])
    if has_secrets and leads_elsewhere(before, after):
        message = "The app leads elsewhere now; write its credentials again."
        raise Invalid({"credentials": [Problem("required", message)]})


def refuse_bad_credentials(connector: Connector, credentials: Mapping[str, Any], auth_type: Any) -> None:
    """Invalid where they are not what the connector needs; what is said of them does not repeat them."""
    schema = connector.credentials[auth_type]
    if json_schema.violations(schema, credentials):
        raise Invalid({"credentials": [Problem("invalid_format", f"Write {_wanted(schema)}.")]})


def _wanted(schema: Mapping[str, Any]) -> str:
    needed = list(schema.get("required", ()))
    optional = [name for name in schema.get("properties", {}) if name not in needed]
    if not needed and not optional:
        return "no credentials"
    parts = _parts(needed, optional)
    return f"an object of texts: {', '.join(parts)}"


def _parts(needed: Iterable[str], optional: Iterable[str]) -> Iterator[str]:
    yield from needed
    yield from (f"{name} (if there is one)" for name in optional)
