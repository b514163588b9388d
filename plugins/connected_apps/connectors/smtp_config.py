"""The address and encryption of a mail server, as an app's configuration declares them."""

from collections.abc import Mapping
from typing import Any

from aasim_core.outbound.secret_addresses import Address

#: The port of each kind of encryption, where the config names none.
PORTS = {"starttls": 587, "tls": 465, "none": 25}


def encryption_of(config: Mapping[str, Any]) -> str:
    """How the connection is encrypted: a name that `encryption` can have."""
    return str(config.get("encryption", "starttls"))


def address_of(config: Mapping[str, Any]) -> Address:
    """Where the mail server is."""
    encryption = encryption_of(config)
    return Address(config["host"], config.get("port", PORTS[encryption]), encryption == "tls")
