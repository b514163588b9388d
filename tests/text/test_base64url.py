"""Base64url, one text for each value."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aasim_core.text import base64url


@given(st.binary())
def test_what_is_encoded_decodes_to_the_same(data: bytes) -> None:
    assert base64url.decode(base64url.encode(data)) == data


@given(st.text())
def test_no_other_text_stands_for_the_same(text: str) -> None:
    try:
        data = base64url.decode(text)
    except ValueError:
        return
    assert base64url.encode(data) == text


@pytest.mark.parametrize("text", ["A", "AA==", "AB", "+/", "AA\n", "ÄÄÄÄ", " AA"])
def test_padding_spare_bits_and_other_alphabets_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not base64url"):
        base64url.decode(text)
