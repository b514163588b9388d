"""Webhooks: what can be written about one, what is shown of it, its secrets, and testing it."""

import json
from base64 import b64decode
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError
from time_machine import Traveller

from aasim_core.testing.peer import Peer
from aasim_core.testing.world import World

from .conftest import Hooks, answering

Work = Callable[[], int]
LIMIT = 5
AUTHORIZATION = {"Authorization": "Bearer sentinel-of-the-receiver"}
#: Spellings of addresses on this side of the internet.
CLOSED = "10.0.0.1 169.254.169.254 0xa9fea9fe 2852039166 192.168.1.1 [::1] [::ffff:10.0.0.1] [64:ff9b::a9fe:a9fe] [fd00:ec2::254]".split()


@pytest.fixture(scope="session")
def plugin_settings(plugin_settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """An organization may have few webhooks."""
    return {**plugin_settings, "webhooks.webhook_limit": LIMIT}


def is_signed(secret: str, receiver: Peer, number: int) -> bool:
    """Whether a message was signed with the secret."""
    try:
        Verifier(secret).verify(receiver.raw_bodies[number], receiver.headers[number])
    except WebhookVerificationError:
        return False
    return True


def test_a_secret_is_shown_once(hooks: Hooks) -> None:
    webhook = hooks.make()
    assert webhook["secret"].startswith("whsec_")
    shown = [hooks.read(webhook), hooks.client.get("/webhooks").data, hooks.client.patch(f"/webhooks/{webhook['id']}", {}).data]
    assert webhook["secret"] not in json.dumps(shown)


def test_a_created_webhook_is_shown_again_under_the_same_key(hooks: Hooks) -> None:
    body = {"url": hooks.url, "events": ["*"]}
    first, second = (hooks.client.post("/webhooks", body, Idempotency_Key="once") for _ in range(2))
    assert first.data == second.data
    assert len(hooks.client.get("/webhooks").data["items"]) == 1


def test_headers_are_sent_and_never_shown(hooks: Hooks, receiver: Peer, work: Work) -> None:
    webhook = hooks.make(headers=AUTHORIZATION)
    hooks.happen()
    work()
    assert receiver.headers[0]["Authorization"] == AUTHORIZATION["Authorization"]
    assert hooks.read(webhook)["headers"] == {"Authorization": "***"}
    hooks.client.patch(f"/webhooks/{webhook['id']}", {"headers": {"X-Key": "sentinel-too"}})
    told = [event.__data__ for event in hooks.events("webhooks.created") + hooks.events("webhooks.updated")]
    assert "sentinel" not in str(told)


def test_what_a_receiver_repeats_is_told_without_headers(hooks: Hooks, receiver: Peer, work: Work) -> None:
    receiver.behaviour = lambda handler: handler.answer(200, handler.headers["Authorization"].encode())
    webhook = hooks.make(headers=AUTHORIZATION)
    hooks.happen()
    work()
    assert hooks.delivery(webhook)["last_attempt"]["response_body"] == "***"


@pytest.mark.parametrize(
    ("headers", "field", "code"),
    [
        ({"Host": "elsewhere"}, "headers.Host", "invalid_choice"),
        ({"webhook-id": "mine"}, "headers.webhook-id", "invalid_choice"),
        ({"A b": "c"}, "headers.A b", "invalid_choice"),
        ({"X-A": "line\r\nbreak"}, "headers.X-A", "invalid_format"),
        ({"X-A": "ä"}, "headers.X-A", "invalid_format"),
        ({"X-A": ""}, "headers.X-A", "invalid_format"),
        ({"X-A": 1}, "headers.X-A", "invalid_format"),
        ({"X-A": "***"}, "headers.X-A", "invalid_format"),
        ({"X-A": "1", "x-a": "2"}, "headers", "not_unique"),
        ({f"X-{number}": "1" for number in range(21)}, "headers", "too_many_items"),
    ],
)
def test_headers_that_cannot_be_sent_are_refused(hooks: Hooks, headers: Any, field: str, code: str) -> None:
    answer = hooks.client.post("/webhooks", {"url": hooks.url, "events": ["*"], "headers": headers})
    assert answer.codes == {field: [code]}


@pytest.mark.parametrize("host", CLOSED)
def test_an_address_on_this_side_of_the_internet_is_refused(hooks: Hooks, host: str) -> None:
    answer = hooks.client.post("/webhooks", {"url": f"http://{host}/hook", "events": ["*"]})
    assert answer.codes == {"url": ["url_not_allowed"]}


def test_headers_are_not_sent_to_another_place_by_who_does_not_know_them(hooks: Hooks) -> None:
    webhook = hooks.make(headers=AUTHORIZATION)
    path, elsewhere = f"/webhooks/{webhook['id']}", "https://elsewhere.example/hook"
    assert hooks.client.patch(path, {"url": elsewhere}).codes == {"headers": ["required"]}
    assert hooks.client.patch(path, {"url": f"{hooks.url}/other"}).status == 200
    assert hooks.client.put(path, {"url": elsewhere, "events": ["*"]}).data["headers"] == {}


def test_a_pattern_that_means_no_event_is_refused_with_the_nearest_name(hooks: Hooks) -> None:
    answer = hooks.client.post("/webhooks", {"url": hooks.url, "events": ["*", "webhooks.creatd"]})
    assert answer.codes == {"events[1]": ["invalid_choice"]}
    assert 'did you mean "webhooks.created"?' in str(answer.body).lower().replace('\\"', '"')


@pytest.mark.parametrize("pattern", ["", "webhooks", "**", "webhooks.created.x", "Webhooks.created", "web*.created"])
def test_what_is_no_pattern_is_refused(hooks: Hooks, pattern: str) -> None:
    answer = hooks.client.post("/webhooks", {"url": hooks.url, "events": [pattern]})
    assert list(answer.codes) == ["events[0]"]


def test_both_secrets_sign_until_the_overlap_is_over(clock: Traveller, hooks: Hooks, receiver: Peer, work: Work) -> None:
    webhook = hooks.make()
    rotated = hooks.client.post(f"/webhooks/{webhook['id']}/rotate-secret", {"overlap_seconds": 3600}).data
    secrets = (webhook["secret"], rotated["secret"])
    hooks.happen()
    work()
    assert [is_signed(secret, receiver, 0) for secret in secrets] == [True, True]
    clock.shift(timedelta(seconds=3600))
    hooks.happen()
    work()
    assert [is_signed(secret, receiver, 1) for secret in secrets] == [False, True]


def test_a_secret_that_leaked_signs_no_more_where_there_is_no_overlap(hooks: Hooks, receiver: Peer, work: Work) -> None:
    webhook = hooks.make()
    rotated = hooks.client.post(f"/webhooks/{webhook['id']}/rotate-secret", {"overlap_seconds": 0}).data
    hooks.happen()
    work()
    assert [is_signed(secret, receiver, 0) for secret in (webhook["secret"], rotated["secret"])] == [False, True]


def verified(public_key: str, receiver: Peer, number: int = 0) -> None:
    """Verify a message by the text of the standard, for which its library has no function; raises InvalidSignature."""
    headers = receiver.headers[number]
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + receiver.raw_bodies[number]
    [signature] = [part[4:] for part in headers["webhook-signature"].split(" ") if part.startswith("v1a,")]
    key = Ed25519PublicKey.from_public_bytes(b64decode(public_key.removeprefix("whpk_")))
    key.verify(b64decode(signature), content)


def test_with_ed25519_the_public_key_verifies_and_the_private_one_is_not_shown(hooks: Hooks, receiver: Peer, work: Work) -> None:
    webhook = hooks.make(signature="v1a")
    assert (webhook["signature"], webhook["secret"]) == ("v1a", None)
    assert "whsk_" not in json.dumps([webhook, hooks.read(webhook)])
    hooks.happen()
    work()
    verified(webhook["public_key"], receiver)
    receiver.raw_bodies[0] += b" "
    with pytest.raises(InvalidSignature):
        verified(webhook["public_key"], receiver)


def test_a_webhook_can_change_to_ed25519_with_an_overlap(hooks: Hooks, receiver: Peer, work: Work) -> None:
    webhook = hooks.make()
    rotated = hooks.client.post(f"/webhooks/{webhook['id']}/rotate-secret", {"signature": "v1a"}).data
    hooks.happen()
    work()
    assert is_signed(webhook["secret"], receiver, 0)
    verified(rotated["public_key"], receiver)


def test_a_test_sends_a_signed_ping_also_while_the_webhook_is_disabled(hooks: Hooks, receiver: Peer) -> None:
    receiver.behaviour = answering(202, b"Thanks.")
    webhook = hooks.make()
    hooks.toggle(webhook, "disabled")
    answer = hooks.client.post(f"/webhooks/{webhook['id']}/test").data
    assert {**answer, "duration_ms": 0} == {
        "ok": True, "code": "succeeded", "http_status": 202, "duration_ms": 0, "response_body": "Thanks.",
    }  # fmt: skip
    assert Verifier(webhook["secret"]).verify(receiver.raw_bodies[0], receiver.headers[0])["type"] == "ping"
    assert [event.data for event in hooks.events("webhooks.tested")] == [{"ok": True, "code": "succeeded"}]


def test_a_test_that_fails_says_why(hooks: Hooks, receiver: Peer) -> None:
    receiver.behaviour = lambda handler: handler.reset()
    answer = hooks.client.post(f"/webhooks/{hooks.make()['id']}/test").data
    assert (answer["ok"], answer["code"], answer["http_status"]) == (False, "connection_lost", None)


def test_failures_are_counted_until_one_is_taken_or_somebody_toggles(
    clock: Traveller, hooks: Hooks, receiver: Peer, work: Work
) -> None:
    receiver.behaviour = answering(500)
    webhook = hooks.make()
    hooks.happen()
    work()
    since = hooks.read(webhook)["failing_since_at"]
    clock.shift(timedelta(seconds=10))
    work()
    told = hooks.read(webhook)
    assert (told["consecutive_failures"], told["failing_since_at"]) == (2, since)
    told = hooks.toggle(webhook, "active")
    assert (told["consecutive_failures"], told["failing_since_at"]) == (0, None)


def test_toggling_to_what_it_is_already_is_no_event(hooks: Hooks) -> None:
    webhook = hooks.make()
    for status in ("active", "disabled", "disabled"):
        hooks.toggle(webhook, status)
    assert len(hooks.events("webhooks.disabled") + hooks.events("webhooks.enabled")) == 1


def test_one_more_webhook_than_may_be_is_refused_with_the_limit(hooks: Hooks) -> None:
    ids = [hooks.make()["id"] for _ in range(LIMIT)]
    body = {"url": hooks.url, "events": ["*"]}
    answer = hooks.client.post("/webhooks", body)
    assert (answer.status, answer.codes) == (409, {"_": ["too_many_webhooks"]})
    assert answer.body["errors"]["_"][0]["meta"] == {
        "limit": "webhooks", "scope": "organization", "scope_id": hooks.owner.organization_id, "used": LIMIT, "max": LIMIT,
        "resets_at": None,
    }  # fmt: skip
    hooks.client.delete(f"/webhooks/{ids[0]}")
    assert hooks.client.post("/webhooks", body).status == 201


def test_two_at_the_same_time_are_not_one_too_many(world: World, hooks: Hooks) -> None:
    for _ in range(LIMIT - 1):
        hooks.make()
    clients = [world.again(hooks.owner).client for _ in range(4)]
    body = {"url": hooks.url, "events": ["*"]}
    with ThreadPoolExecutor(4) as pool:
        statuses = sorted(pool.map(lambda client: client.post("/webhooks", body).status, clients))
    assert statuses == [201, 409, 409, 409]


def test_whoever_may_not_have_everything_sent_away_makes_no_webhook(world: World, hooks: Hooks) -> None:
    body = {"url": hooks.url, "events": ["*"]}
    answers = [world.member(hooks.owner, role).client.post("/webhooks", body) for role in ("builder", "operator", "auditor")]
    assert [answer.status for answer in answers] == [403] * 3
