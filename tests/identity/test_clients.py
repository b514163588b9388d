"""Networks of clients."""

import pytest

from aasim_core.identity.clients import Client, is_within, network_of


@pytest.mark.parametrize(("ip", "network"), [
    ("192.0.2.7", "192.0.2.0/24"), ("::ffff:192.0.2.7", "192.0.2.0/24"), ("2001:db8:1:2ff::1", "2001:db8:1:200::/56"),
    ("::1", "::/56"), ("", "unknown"), (None, "unknown"), ("unix:", "unknown"), ("192.0.2.7:80", "unknown"),
])  # fmt: skip
def test_the_network_of_an_address_is_what_one_customer_has(ip: str | None, network: str) -> None:
    assert network_of(ip) == network


@pytest.mark.parametrize(("ip", "networks", "within"), [
    ("192.0.2.7", ["192.0.2.0/24"], True), ("::ffff:192.0.2.7", ["192.0.2.0/24"], True), ("192.0.3.7", ["192.0.2.0/24"], False),
    ("2001:db8::1", ["192.0.2.0/24", "2001:db8::/32"], True), ("192.0.2.7", ["::/0"], False), ("", ["0.0.0.0/0"], False),
    (None, ["0.0.0.0/0"], False), ("192.0.2.7", [], False),
])  # fmt: skip
def test_an_address_is_within_networks_of_its_own_family(ip: str | None, networks: list[str], within: bool) -> None:
    assert is_within(ip, networks) is within


def test_the_name_of_a_program_is_kept_printable_and_short() -> None:
    assert Client.of("192.0.2.7", "curl/8\r\nX: y\x00\u202e" + "a" * 999).user_agent == ("curl/8X: y" + "a" * 999)[:256]
    assert Client.of("192.0.2.7", None).user_agent == ""
