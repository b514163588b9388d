"""Masking secrets that others repeat: as they are, encoded, and escaped."""

import html
import json
from base64 import b64encode, urlsafe_b64encode
from urllib.parse import quote, quote_plus

import pytest

from aasim_core.secrets.masking import spellings, without

SECRET = "se\"cr/et&<'+> kéy?"
BYTES = SECRET.encode()


@pytest.mark.parametrize(
    "repeated",
    [
        SECRET,
        json.dumps(SECRET)[1:-1],
        json.dumps(SECRET, ensure_ascii=False)[1:-1],
        json.dumps(SECRET)[1:-1].replace("/", r"\/"),
        html.escape(SECRET),
        html.escape(SECRET, quote=False),
        "se&#34;cr/et&amp;&lt;&#39;+&gt; kéy?",
        quote(SECRET, safe=""),
        quote(SECRET),
        quote_plus(SECRET),
        "se%22cr%2fet%26%3c%27%2b%3e%20k%c3%a9y%3f",
        BYTES.hex(),
        BYTES.hex().upper(),
        b64encode(BYTES).decode(),
        urlsafe_b64encode(BYTES).decode(),
        urlsafe_b64encode(BYTES).decode().rstrip("="),
        quote(b64encode(BYTES).decode(), safe=""),
        SECRET.encode("latin-1").decode(errors="replace"),
    ],
)
def test_a_spelling_of_a_secret_is_known(repeated: str) -> None:
    assert repeated in spellings(SECRET)


def test_a_secret_is_masked_also_where_the_text_ends_in_it() -> None:
    assert without("hunter22", "hunter22 and hunt") == "*** and ***"


def test_a_secret_without_special_characters_is_looked_for_in_few_spellings() -> None:
    assert len(spellings("sentinelofthetoken")) < 10
