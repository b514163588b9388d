"""The connector for mail servers, which sends mails by SMTP."""

from collections.abc import Iterable, Mapping
from email.errors import MessageError
from hashlib import sha256
from typing import Any

from aasim_core.outbound.mail import Mail, compose

from ..connecting import AppError, AuthType, Call, Connection, Connector, Operation
from .smtp_config import PORTS, address_of

_CONFIG: Mapping[str, Any] = {
    "type": "object",
    "required": ["host", "sender"],
    "additionalProperties": False,
    "properties": {
        "host": {"type": "string", "pattern": "^[A-Za-z0-9._:-]{1,253}$"},
        "port": {"type": "integer", "minimum": 1, "maximum": 65535, "description": "587, with tls 465, if left out."},
        "encryption": {"enum": list(PORTS), "description": "starttls if left out."},
        "sender": {"type": "string", "maxLength": 320, "description": "The From address: Shop <shop@example.com>."},
    },
}
_TEXT = {"type": "string", "minLength": 1, "maxLength": 4096}
_CREDENTIALS: Mapping[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {"username": {**_TEXT, "writeOnly": False}, "password": _TEXT},
    "dependentRequired": {"username": ["password"], "password": ["username"]},
}
_SEND = Operation(
    name="send_mail",
    description="Send a mail in plain text to one person.",
    parameters={
        "type": "object",
        "required": ["to", "subject", "text"],
        "additionalProperties": False,
        "properties": {
            "to": {"type": "string", "maxLength": 254, "description": "The address of the recipient."},
            "subject": {"type": "string", "minLength": 1, "maxLength": 500},
            "text": {"type": "string", "maxLength": 100_000},
        },
    },
    effect="send",
)


def connector() -> Connector:
    """The connector `smtp`."""
    return Connector(
        name="smtp",
        title="Mail server",
        credentials={"basic": _CREDENTIALS},
        config=_CONFIG,
        addresses=lambda config: [address_of(config)],
        call=_call,
        probe=_probe,
        flaws=_flaws,
        operations=lambda config: [_SEND],
    )


def _flaws(config: Mapping[str, Any], auth_type: AuthType) -> Iterable[tuple[str, str]]:
    try:
        compose(Mail("somebody@example.com", "x", "x"), config["sender"])
    except (ValueError, MessageError):
        yield "sender", "Write an address, such as Shop <shop@example.com>."


def _call(connection: Connection, asked: Call) -> Any:
    from .smtp_client import send

    wanted = asked.arguments
    key = sha256(asked.idempotency_key.encode()).hexdigest()[:32]
    try:
        message = compose(Mail(wanted["to"], wanted["subject"], wanted["text"], id=key), connection.config["sender"])
    except (ValueError, MessageError) as error:
        raise AppError("invalid_arguments", "to has to be one address, and the subject one line") from error
    send(connection, message)
    return {"sent": True, "to": wanted["to"]}


def _probe(connection: Connection) -> None:
    from .smtp_client import probe

    probe(connection)
