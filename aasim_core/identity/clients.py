"""The client of a request, by address and agent, for sessions and throttles."""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

_LONGEST_USER_AGENT = 256


@dataclass(frozen=True)
class Client:
    """The other end: its address, and what its program calls itself."""

    ip: str | None = None
    user_agent: str = ""

    @classmethod
    def of(cls, ip: str | None, user_agent: str | None) -> "Client":
        """The client of a request, with its user agent in printable form and bounded."""
        printable = "".join(character for character in user_agent or "" if character.isprintable())
        return cls(ip, printable[:_LONGEST_USER_AGENT])

    @property
    def network(self) -> str:
        """The network that the address belongs to: /24 for IPv4, /56 for IPv6, which is what one customer has."""
        return network_of(self.ip)


def network_of(ip: str | None) -> str:
    """The network of an address, or ``unknown``."""
    address = _address(ip)
    return "unknown" if address is None else str(ip_network((address, 24 if address.version == 4 else 56), strict=False))


def is_within(ip: str | None, networks: Iterable[str]) -> bool:
    """Whether the address lies in one of the networks."""
    address = _address(ip)
    return address is not None and any(address in ip_network(network) for network in networks)


def _address(ip: str | None) -> IPv4Address | IPv6Address | None:
    """The address, with an IPv4 one that came through an IPv6 socket as what it is; None for what is no address."""
    try:
        address = ip_address(ip or "")
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
