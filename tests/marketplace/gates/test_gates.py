"""What is looked for in a listing before others see it."""

import base64
import zlib
from collections import Counter
from typing import Any

import pytest

from aasim_core.testing.world import Person, World
from aasim_plugins.marketplace.gates import secrets
from aasim_plugins.marketplace.gates.decoding import Patience, TooMuch, readings
from aasim_plugins.marketplace.gates.hidden_characters import hidden_in
from aasim_plugins.marketplace.gates.lookalikes import key_of

from .. import corpus
from ..conftest import Make


def has_secret(text: str) -> bool:
    """Whether a text by itself has one."""
    return secrets.has_secret(text, Patience())


@pytest.mark.long
def test_none_of_300_secrets_passes_in_any_of_twelve_encodings() -> None:
    passed = Counter(
        name
        for secret in corpus.secrets(300)
        for name, encode in corpus.ENCODINGS.items()
        if not has_secret(f"Use this: {encode(secret)} to log in.")
    )
    assert len(corpus.ENCODINGS) == 12
    assert passed == {}


def test_at_most_three_of_300_harmless_texts_are_taken_for_secrets() -> None:
    assert len([text for text in corpus.harmless(300) if has_secret(text)]) <= 3


def test_an_encoding_within_another_is_read_too() -> None:
    secret = corpus.secrets(1)[0]
    for outer in corpus.ENCODINGS.values():
        for inner in corpus.ENCODINGS.values():
            assert has_secret(f"See {outer(inner(secret))} here.")


def test_base64_that_is_broken_into_lines_is_read_whole() -> None:
    encoded = corpus.ENCODINGS["base64"](corpus.secrets(12)[11])
    lines = "\n".join(encoded[start : start + 40] for start in range(0, len(encoded), 40))
    assert has_secret(lines)


def test_what_is_too_much_to_be_read_counts_as_a_secret() -> None:
    with pytest.raises(TooMuch):
        list(readings("harmless " * 40, Patience(100)))
    assert secrets.has_secret("harmless " * 40, Patience(100))


@pytest.mark.long
def test_texts_that_grow_when_they_are_read_end_the_patience_for_all_of_them() -> None:
    bombs = [base64.b64encode(zlib.compress(f"{number} ".encode() * 50_000)).decode() for number in range(10, 200)]
    patience = Patience()
    assert any(secrets.has_secret(bomb, patience) for bomb in bombs)
    assert patience.left < 0


@pytest.mark.parametrize(
    "text",
    [
        "zero\u200bwidth", "bidi\u202eoverride", "iso\u2066late", "tag\U000e0041", "soft\u00adhyphen", "filler\u3164", "private\ue000",
        "blank\u2800", "\ufe0f\ufe0f", "a\u200db", "\ufeffmark", "word\u2060joiner", "data\ufe01\ufe02\ufe03",
    ],
)  # fmt: skip
def test_what_people_do_not_see_is_found(text: str) -> None:
    assert hidden_in(text) is not None


@pytest.mark.parametrize(
    "text",
    [
        "plain",
        "größer, Ärger",
        "👩‍💻 👨‍👩‍👧 ❤️ 🧑‍⚕️",
        "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
        "می‌خواهم",
        "क्‍ष",
        "日本語",
        "привет",
    ],
)
def test_what_people_see_is_not_taken_for_hidden(text: str) -> None:
    assert hidden_in(text) is None


@pytest.mark.parametrize(
    "title",
    [
        "INVOICE READER",
        "lnvоice Rеader",
        "Ιnvοice-Reader",
        "1nvoice reader",
        "𝐈nvoice Reader",
        "Invoíce Reader",
        "lnv0ice  Reader.",
    ],
)
def test_titles_that_look_alike_have_one_key(title: str) -> None:
    assert key_of(title) == key_of("Invoice Reader")


def test_other_titles_have_other_keys() -> None:
    titles = ["Invoice Reader", "Invoice Reader 2", "Invoice Writer", "Ledger", "Читатель", "日本語", "日本"]
    assert len({key_of(title) for title in titles}) == len(titles)


def test_a_secret_is_refused_where_it_is(seller: Person, agent: Make) -> None:
    secret = corpus.ENCODINGS["base64"](corpus.secrets(1)[0])
    made = agent(instructions=f"Log in with {secret}.", parameters={"extra": {"note": secret}})
    answer = seller.client.post("/marketplace", {"agent_id": made["id"], "title": "Reader", "summary": f"Use {secret}."})
    assert answer.status == 422
    assert answer.codes == {
        "summary": ["secret_found"],
        "agent.definition.instructions": ["secret_found"],
        "agent.definition.parameters.extra.note": ["secret_found"],
    }


def test_hidden_instructions_are_refused_with_the_character(seller: Person, agent: Make) -> None:
    made = agent(instructions="Be kind.\U000e0049\U000e0067")
    answer = seller.client.post(f"/agents/{made['id']}/publish", {"title": "Reader\u202e"})
    assert answer.codes == {"title": ["hidden_text"], "agent.definition.instructions": ["hidden_text"]}
    assert "U+202E RIGHT-TO-LEFT OVERRIDE at character 7" in answer.body["errors"]["title"][0]["message"]


def test_a_draft_is_kept_as_it_is_and_not_shown(seller: Person, buyer: Person, agent: Make) -> None:
    body = {
        "agent_id": agent()["id"],
        "title": "Draft",
        "summary": "password = hunter2ABC!",
        "status": "draft",
        "visibility": "instance",
    }
    made = seller.client.post("/marketplace", body).data
    assert made["status"] == "draft"
    assert buyer.client.get(f"/marketplace/{made['id']}").status == 404
    assert seller.client.patch(f"/marketplace/{made['id']}", {"status": "published"}).codes == {"summary": ["secret_found"]}
    assert seller.client.patch(f"/marketplace/{made['id']}", {"status": "published", "summary": ""}).data["status"] == "published"
    assert buyer.client.get(f"/marketplace/{made['id']}").data["title"] == "Draft"


def test_a_title_that_looks_like_another_sellers_is_refused(world: World, listing: Make, agent: Make) -> None:
    listing(title="Invoice reader")
    other = world.organization("Copycat")
    body = {"agent_id": agent(client=other.client)["id"], "title": "lnvоice rеader", "visibility": "instance"}
    answer = other.client.post("/marketplace", body)
    assert answer.codes == {"title": ["look_alike_title"]}
    assert '"Invoice reader"' in answer.body["errors"]["title"][0]["message"]
    assert other.client.post("/marketplace", {**body, "visibility": "organization"}).status == 201


def test_an_effect_is_not_stated_weaker_than_it_is(seller: Person, agent: Make) -> None:
    helper = agent("Helper")
    made = agent(tools=[{"ref": f"agent:{helper['id']}"}])
    body: dict[str, Any] = {"agent_id": made["id"], "title": "Reader"}
    answer = seller.client.post("/marketplace", {**body, "effects": []})
    assert answer.codes == {"effects": ["effects_understated"]}
    assert seller.client.post("/marketplace", {**body, "effects": ["read"]}).data["effects"] == ["read"]
    assert seller.client.post("/marketplace", body).data["effects"] == ["read"]
