"""Fields for texts that have a form: ids, times, addresses of every kind."""

import re
from datetime import UTC, date, datetime
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from ..clock import from_text, to_text
from ..ids import PREFIX, is_id
from ..text.suggestions import did_you_mean
from .scalars import COMPARISONS, Patterned, Strict, Text, wrong

# TypeID 0.3: a prefix of at most 63 characters, an underscore, and 26 more.
_MOST_CHARACTERS = 90


def example_id(prefix: str | None = None) -> str:
    """An id of the kind `prefix` for the documentation; no object has it."""
    return f"{prefix or 'agent'}_01h455vb4pex5vsknk084sn02q"


class Id(Strict):
    """The id of an object, of the kind `prefix` if that is given."""

    def __init__(self, prefix: str | None = None, **options: Any) -> None:
        self.prefix = prefix
        shape = {"type": "string", "pattern": f"^{prefix or PREFIX}_[0-7][0-9a-hjkmnp-tv-z]{{25}}$"}
        size = {"maxLength": len(example_id(prefix)) if prefix else _MOST_CHARACTERS}
        super().__init__(f'an id, such as "{example_id(prefix)}"', {**shape, **size}, **options)

    def read(self, value: Any) -> Any:
        if type(value) is not str:
            raise self.wrong_type(value)
        if not is_id(value, self.prefix):
            raise wrong("invalid_format", f"Write {self.expects}.")
        return value


class Instant(Strict):
    """A moment in RFC 3339 with an offset, from 1970 on; it becomes an aware datetime in UTC, cut to milliseconds."""

    #: The answer's renderer turns datetimes of this field into text.
    holds_instant = True
    operators = COMPARISONS
    _TEXT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)
    _FIRST = datetime(1970, 1, 1, tzinfo=UTC)

    def __init__(self, **options: Any) -> None:
        expects = 'a time with an offset, such as "2026-01-31T09:00:00Z"'
        super().__init__(expects, {"type": "string", "format": "date-time", "maxLength": 35}, **options)

    def read(self, value: Any) -> Any:
        if type(value) is not str:
            raise self.wrong_type(value)
        if not self._TEXT.fullmatch(value):
            raise wrong("invalid_format", f"Write {self.expects}.")
        try:
            moment = from_text(value.upper())
        except ValueError:
            raise wrong("invalid_format", f"There is no such time. Write {self.expects}.") from None
        except OverflowError:
            raise wrong("out_of_range", "Write a time of the years 1970 to 9999.") from None
        if moment < self._FIRST:
            raise wrong("out_of_range", "Write a time of the years 1970 to 9999.")
        return moment.replace(microsecond=moment.microsecond // 1000 * 1000)

    def write(self, value: Any) -> Any:
        return to_text(value) if isinstance(value, datetime) else value


class Date(Strict):
    """A day, ``2026-01-31``."""

    operators = COMPARISONS
    _TEXT = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)

    def __init__(self, **options: Any) -> None:
        super().__init__('a date, such as "2026-01-31"', {"type": "string", "format": "date", "maxLength": 10}, **options)

    def read(self, value: Any) -> Any:
        if type(value) is not str:
            raise self.wrong_type(value)
        try:
            return date.fromisoformat(self._TEXT.fullmatch(value)[0])  # type: ignore[index]
        except (TypeError, ValueError):
            raise wrong("invalid_format", f"Write {self.expects}.") from None

    def write(self, value: Any) -> Any:
        return value.isoformat() if isinstance(value, date) else value


class Email(Patterned):
    """An e-mail address in ASCII; it becomes lower case, so that one address has one form."""

    _LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
    _ATOM = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
    # RFC 5321, Mailbox, without quotes and address literals. Its limit for the local part is not in the pattern: the format says it.
    _FORM = rf"{_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})*"
    _MOST_BEFORE_AT = 64

    def __init__(self, **options: Any) -> None:
        expects = 'an e-mail address, such as "ada@example.com"'
        super().__init__(self._FORM, expects, min_length=3, max_length=254, shape={"format": "email"}, **options)

    def read(self, value: Any) -> Any:
        address: str = super().read(value)
        if address.index("@") > self._MOST_BEFORE_AT:
            raise wrong("invalid_format", f"Write {self.expects}.")
        return address.lower()


class Slug(Patterned):
    """A name for addresses and lists: small letters, digits and single hyphens."""

    def __init__(self, max_length: int = 63, **options: Any) -> None:
        expects = 'small letters, digits and hyphens, such as "customer-care"'
        super().__init__("[a-z0-9]+(?:-[a-z0-9]+)*", expects, max_length=max_length, **options)


class Locale(Patterned):
    """A language tag (BCP 47): language, and perhaps script and region."""

    def __init__(self, **options: Any) -> None:
        expects = 'a language tag, such as "en" or "de-AT"'
        super().__init__("[a-z]{2,3}(?:-[A-Z][a-z]{3})?(?:-(?:[A-Z]{2}|[0-9]{3}))?", expects, max_length=20, **options)


class Timezone(Text):
    """A name of the IANA time zone database."""

    def __init__(self, **options: Any) -> None:
        super().__init__(1, 64, expects='the name of a time zone, such as "Europe/Vienna" or "UTC"', **options)

    def read(self, value: Any) -> Any:
        name = super().read(value)
        if name not in _time_zones():
            raise wrong("invalid_choice", f"Write {self.expects}.{did_you_mean(name, _time_zones())}")
        return name


class Cidr(Text):
    """A network, ``10.0.0.0/8``, or a single address; it becomes the network in its shortest form."""

    _FORM = re.compile("[0-9A-Fa-f.:]+(?:/[0-9]{1,3})?")

    def __init__(self, **options: Any) -> None:
        super().__init__(1, 43, expects='an IP address or network, such as "10.0.0.0/8"', **options)

    def read(self, value: Any) -> Any:
        text = super().read(value)
        if not self._FORM.fullmatch(text):
            raise wrong("invalid_format", f"Write {self.expects}.")
        try:
            network = ip_network(text, strict=False)
        except ValueError:
            raise wrong("invalid_format", f"Write {self.expects}.") from None
        if network.network_address != ip_address(text.partition("/")[0]):
            raise wrong("invalid_format", f"The address goes beyond the network; did you mean {network}?")
        return str(network)


class Url(Text):
    """An absolute web address, without user and password."""

    # What RFC 3986 lets stand in an address; everything else has to be percent-encoded.
    _CHARACTERS = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")
    _HOST = re.compile(r"\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?\.?")

    def __init__(self, *, schemes: tuple[str, ...] = ("https", "http"), max_length: int = 2048, **options: Any) -> None:
        self.schemes = schemes
        super().__init__(
            1, max_length, expects=f'an address, such as "{schemes[0]}://example.com/path"', shape={"format": "uri"}, **options
        )

    def read(self, value: Any) -> Any:
        text = super().read(value)
        try:
            parts = urlsplit(text)
            host, port = self._split_host(parts.netloc)
        except ValueError:
            raise wrong("invalid_format", f"Write {self.expects}.") from None
        if parts.scheme not in self.schemes or not text.startswith(f"{parts.scheme}://"):
            raise wrong("invalid_format", f"Write an address that begins with {' or '.join(f'{s}://' for s in self.schemes)}.")
        if "@" in parts.netloc:
            raise wrong("url_not_allowed", "Write the address without user and password.")
        if not self._CHARACTERS.fullmatch(text) or not self._HOST.fullmatch(host) or not 0 < port < 65536:
            raise wrong("invalid_format", f"Write {self.expects}.")
        return text

    @staticmethod
    def _split_host(netloc: str) -> tuple[str, int]:
        address = netloc.rpartition("@")[2]
        host, colon, port = address.rpartition(":")
        if not colon or address.endswith("]"):
            return address, 1
        if not (port.isascii() and port.isdigit() and len(port) <= 5):
            raise ValueError("a port has one to five digits")
        return host, int(port)


@lru_cache(maxsize=1)
def _time_zones() -> frozenset[str]:
    """The names of all zones; finding them reads some hundred files, so once a process."""
    return frozenset(available_timezones())
