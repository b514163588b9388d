"""The addresses that requests to external URLs may reach; every name is resolved, checked, and the checked address connected to."""

import socket
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, TypeVar

import httpcore2

from ..clock import to_text
from ..data.installation import held_since
from ..errors import Refused
from .deadlines import CONNECT_SECONDS

Network = IPv4Network | IPv6Network
Connected = TypeVar("Connected")

#: Maximum number of a name's addresses to try, so that each gets a fair share of the time.
_MOST_ADDRESSES = 4
#: The errors of an address that does not answer.
UNANSWERED = (OSError, httpcore2.ConnectError, httpcore2.ConnectTimeout)

# The standard library's `is_global` is true of multicast, NAT64 and, before 3.12, of loopback inside 6to4; so this is our own list
# (IANA's special-purpose registries), and of IPv6 only what is assigned for unicast on the internet.
_CLOSED_IPV4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 192.88.99.0/24 "
        "192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4"
    ).split()
)
_OPEN_IPV6 = IPv6Network("2000::/3")
_CLOSED_IPV6 = tuple(IPv6Network(network) for network in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"))


#: The addresses of this machine.
LOOPBACK = ("127.0.0.0/8", "::1/128")


class NotAllowed(Exception):
    """A host resolves to an address that requests from here may not reach."""

    def __init__(self, host: str) -> None:
        super().__init__(f"{host} leads to an address that is not open to requests from here")
        self.host = host


class Held(Refused):
    """The installation is held, so that nothing leaves it."""


def refuse_held() -> None:
    """Raise `Held` while the installation is held; every call and every mail asks before it leaves."""
    if (since := held_since()) is not None:
        message = (
            f"The installation is held since {to_text(since)}, so that nothing leaves it; its operator ends that: aasim resume"
        )
        raise Held("unavailable", message)


class Egress:
    """This installation's rule: addresses on the internet, plus the `allowed` networks."""

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        self._allowed: tuple[Network, ...] = tuple(ip_network(network) for network in allowed)

    def permits(self, address: str) -> bool:
        """Return whether requests may go to this address."""
        if "%" in address:  # a link-local address with a zone is never on the internet
            return False
        found = ip_address(address)
        if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
            found = found.ipv4_mapped
        return self._is_allowed(found) or _is_open(found)

    def resolve(self, host: str, port: int) -> Sequence[str]:
        """Return the addresses of `host`; raises `NotAllowed` if any of them is closed, and OSError if there is none."""
        # A name with one open and one closed address is an attack, not a mistake.
        addresses = list(dict.fromkeys(str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))
        if not all(self.permits(address) for address in addresses):
            raise NotAllowed(host)
        return addresses

    def closes(self, host: str) -> bool:
        """Return whether the host is an address, in any notation, that requests may not reach; of names, only localhost is resolved."""
        if host.lower().rstrip(".").rpartition(".")[2] == "localhost":  # RFC 6761: this machine, whatever a resolver says
            host = "127.0.0.1"
        try:
            found = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
        except (OSError, UnicodeError):
            return False
        return not all(self.permits(str(each[4][0])) for each in found)

    def connect(self, host: str, port: int, seconds: float) -> socket.socket:
        """Return a socket to the first of the host's addresses that answers within `seconds`; raises `Held`, `NotAllowed`, or OSError."""
        refuse_held()
        try:
            addresses = self.resolve(host, port)
        except UnicodeError as error:
            raise OSError(f"{host} has no address") from error
        connected = _first(attempts(addresses, seconds), lambda address, share: socket.create_connection((address, port), share))
        connected.settimeout(seconds)
        return connected

    def _is_allowed(self, address: IPv4Address | IPv6Address) -> bool:
        return any(address in network for network in self._allowed)


class GuardedBackend(httpcore2.NetworkBackend):
    """Sockets for an HTTP client that connect only where `egress` permits, to exactly the address that was checked.

    `check` is called before each address of a name, and raises to stop further attempts.
    """

    def __init__(self, egress: Egress, check: Callable[[], None] = lambda: None) -> None:
        self._egress, self._check = egress, check
        self._inner = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        """Connect to the first of the host's addresses that answers; raises `NotAllowed`, or the errors of httpcore."""
        try:
            addresses = self._egress.resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise httpcore2.ConnectError(f"{host} has no address") from error
        return _first(
            attempts(addresses, timeout or CONNECT_SECONDS, self._check),
            lambda address, share: self._inner.connect_tcp(address, port, share, local_address, socket_options),
        )


def attempts(addresses: Sequence[str], seconds: float, check: Callable[[], None] = lambda: None) -> Iterator[tuple[str, float]]:
    """Yield the addresses to try, each with its share of the remaining `seconds`; `check` is called before each."""
    ends_at = time.monotonic() + seconds
    tried = addresses[:_MOST_ADDRESSES]
    for number, address in enumerate(tried):
        check()
        share = (ends_at - time.monotonic()) / (len(tried) - number)
        yield address, max(share, 0.001)


def _first(attempts: Iterable[tuple[str, float]], connect: Callable[[str, float], Connected]) -> Connected:
    """Return `connect`'s result for the first address that answers; raises the last error."""
    failure: Exception = OSError("there is no address")
    for address, share in attempts:
        try:
            return connect(address, share)
        except UNANSWERED as error:
            failure = error
    raise failure


def _is_open(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _CLOSED_IPV4)
    return address in _OPEN_IPV6 and not any(address in network for network in _CLOSED_IPV6)
