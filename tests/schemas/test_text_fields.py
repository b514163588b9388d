"""Fields whose values are text of a fixed form: times, ids, addresses, networks and languages."""

from datetime import UTC, date, datetime

import pytest

from aasim_core.schemas import fields

from .problems import code_of, problem_with


def test_instant_becomes_utc_in_milliseconds() -> None:
    expected = datetime(2025, 12, 31, 22, 0, 0, 123000, tzinfo=UTC)
    assert fields.Instant().deserialize("2026-01-01T00:00:00.123999+02:00") == expected
    assert fields.Instant().serialize("at", {"at": expected}) == "2025-12-31T22:00:00.123Z"


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("2026-01-01T00:00:00", "invalid_format"),
        ("2026-01-01", "invalid_format"),
        ("2026-02-30T00:00:00Z", "invalid_format"),
        ("2026-01-01T24:00:01Z", "invalid_format"),
        ("2026-01-01T23:59:60Z", "invalid_format"),
        ("20260101T000000Z", "invalid_format"),
        ("２０２６-01-01T00:00:00Z", "invalid_format"),
        ("2026-01-01T00:00:00Z\n", "invalid_format"),
        ("1969-12-31T23:59:59Z", "out_of_range"),
        ("0001-01-01T00:00:00+14:00", "out_of_range"),
        ("9999-12-31T23:59:59-14:00", "out_of_range"),
        (1767225600, "invalid_type"),
    ],
)
def test_instant_refuses(value: object, code: str) -> None:
    assert code_of(fields.Instant(), value) == code


def test_date_reads_and_writes_a_day() -> None:
    assert fields.Date().deserialize("2026-01-31") == date(2026, 1, 31)
    assert fields.Date().serialize("day", {"day": date(2026, 1, 31)}) == "2026-01-31"
    assert code_of(fields.Date(), "2026-02-30") == "invalid_format"
    assert code_of(fields.Date(), "20260131") == "invalid_format"


@pytest.mark.parametrize("value", ["agent_1", "user_01h455vb4pex5vsknk084sn02q", "agent_91h455vb4pex5vsknk084sn02q", ""])
def test_id_refuses_another_kind_and_another_form(value: str) -> None:
    assert code_of(fields.Id("agent"), value) == "invalid_format"


def test_email_becomes_lower_case() -> None:
    assert fields.Email().deserialize("Ada.L+x@Example.COM") == "ada.l+x@example.com"


@pytest.mark.parametrize(
    "value",
    [
        "ada", "ada@", "@x.y", "a b@x.y", "a@x..y", "a@-x.y", "ada@exämple.com", "a@b@c.d", "a@x.y.", "a" * 65 + "@x.y",
        ".ada@x.y", "ada.@x.y", "ada..l@x.y",
    ],
)  # fmt: skip
def test_email_refuses(value: str) -> None:
    assert code_of(fields.Email(), value) == "invalid_format"


@pytest.mark.parametrize("value", ["https://example.com", "http://[::1]:8080/a?b=c#d", "https://a.b-c.example:443/%20"])
def test_url_takes(value: str) -> None:
    assert fields.Url().deserialize(value) == value


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("example.com", "invalid_format"),
        ("ftp://example.com", "invalid_format"),
        ("javascript:alert(1)", "invalid_format"),
        ("http:/example.com", "invalid_format"),
        ("http://", "invalid_format"),
        ("http://a b", "invalid_format"),
        ("http://a\\b", "invalid_format"),
        ("http://example.com:0", "invalid_format"),
        ("http://example.com:99999", "invalid_format"),
        ("http://example.com:٣", "invalid_format"),
        ("http://[::1", "invalid_format"),
        ("http://①②⑦.⓪.⓪.①", "invalid_format"),
        ("http://user:secret@example.com", "url_not_allowed"),
    ],
)
def test_url_refuses(value: str, code: str) -> None:
    problem = problem_with(fields.Url(), value)
    assert problem.code == code
    assert "secret" not in problem.message


@pytest.mark.parametrize(
    ("value", "network"),
    [("10.0.0.0/8", "10.0.0.0/8"), ("10.1.2.3", "10.1.2.3/32"), ("2001:DB8::/32", "2001:db8::/32"), ("::1", "::1/128")],
)
def test_cidr_becomes_the_network_in_its_shortest_form(value: str, network: str) -> None:
    assert fields.Cidr().deserialize(value) == network


@pytest.mark.parametrize("value", ["10.0.0.1/8", "10.0.0.0/255.0.0.0", "10.0.0.0/33", "fe80::1%eth0", "10.0.0", "/8", "1.2.3.4/"])
def test_cidr_refuses(value: str) -> None:
    assert code_of(fields.Cidr(), value) == "invalid_format"


def test_cidr_names_the_network_that_an_address_with_host_bits_belongs_to() -> None:
    assert "10.0.0.0/8" in problem_with(fields.Cidr(), "10.0.0.1/8").message


def test_timezone_names_the_nearest_zone() -> None:
    assert fields.Timezone().deserialize("Europe/Vienna") == "Europe/Vienna"
    assert 'Did you mean "Europe/Vienna"?' in problem_with(fields.Timezone(), "Europe/Viena").message
    assert code_of(fields.Timezone(), "../../etc/passwd") == "invalid_choice"


@pytest.mark.parametrize("value", ["en", "de-AT", "zh-Hant-TW", "es-419"])
def test_locale_takes(value: str) -> None:
    assert fields.Locale().deserialize(value) == value


@pytest.mark.parametrize("value", ["EN", "de_AT", "de-at", "english", ""])
def test_locale_refuses(value: str) -> None:
    assert code_of(fields.Locale(), value) in ("invalid_format", "too_short")
