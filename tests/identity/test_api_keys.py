"""The form of API keys."""

import re
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aasim_core.identity.api_keys import NewKey, digest_of, generate, is_well_formed, looks_like_key

SECRET_SCANNER = re.compile(r"\baasim_sk_[0-9A-Za-z]{8}_[0-9A-Za-z]{38}\b")
KEYS = [generate() for _ in range(20)]


@pytest.mark.parametrize("key", KEYS)
def test_every_generated_key_has_the_form_that_secret_scanners_look_for(key: NewKey) -> None:
    text = key.secret.reveal()
    assert SECRET_SCANNER.fullmatch(text)
    assert is_well_formed(text)
    assert looks_like_key(text)
    assert text.startswith(key.prefix)
    assert text.endswith(key.last_four)
    assert key.digest == digest_of(text) == sha256(text.encode()).hexdigest()


@given(st.data())
def test_a_key_with_one_wrong_character_is_recognised(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(KEYS)).secret.reveal()
    position = data.draw(st.integers(9, len(text) - 1).filter(lambda index: index != 17))
    other = data.draw(st.sampled_from("0123456789ABCXYZabcxyz").filter(lambda character: character != text[position]))
    assert not is_well_formed(text[:position] + other + text[position + 1 :])


@given(st.data())
def test_a_key_with_two_characters_swapped_is_recognised(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(KEYS)).secret.reveal()
    position = data.draw(st.integers(18, len(text) - 2).filter(lambda index: text[index] != text[index + 1]))
    assert not is_well_formed(text[:position] + text[position + 1] + text[position] + text[position + 2 :])


@pytest.mark.long
@given(st.one_of(st.text(), st.from_regex(SECRET_SCANNER, fullmatch=True), st.text().map(lambda tail: f"aasim_sk_{tail}")))
def test_no_made_up_text_is_a_key(text: str) -> None:
    assert not is_well_formed(text)


def test_keys_are_never_the_same() -> None:
    assert len({generate().digest for _ in range(200)}) == 200


def test_a_key_with_a_line_break_or_space_is_not_a_key() -> None:
    text = generate().secret.reveal()
    assert not any(is_well_formed(form) for form in (text + "\n", " " + text, text + " ", text.upper(), text.lower()))
