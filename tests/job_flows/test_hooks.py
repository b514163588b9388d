"""Flows that requests of others start: verified, kept before they are answered, and each delivery once."""

import hmac
import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from standardwebhooks import Webhook

from aasim_core.clock import now
from aasim_core.context import organization_scope
from aasim_core.tenancy import feature_switches as features
from aasim_core.testing.contract.exchanges import Exchange, ask

from .conftest import Clock, Flows

SECRET = "whsec_" + b64encode(b"0123456789abcdef0123456789abcdef").decode()
NONE = {"scheme": "none"}
ORDER = b'{"order": {"id": 7}}'


@dataclass(frozen=True)
class Hook:
    """The address of a flow."""

    flows: Flows
    flow_id: str
    path: str

    def send(self, raw: bytes = ORDER, content_type: str = "application/json", **headers: str) -> Exchange:
        """One request; names of headers are written with underscores."""
        given = {"Content-Type": content_type} | {name.replace("_", "-"): value for name, value in headers.items()}
        return ask(self.flows.client.wsgi, "POST", self.path, raw=raw, headers=given, base="")

    def told(self) -> list[str]:
        """What became of each request."""
        return [" ".join(filter(None, (one["outcome"], one["reason"]))) for one in self.flows.firings(self.flow_id)]


def hook(flows: Flows, verification: Mapping[str, Any], **fields: Any) -> Hook:
    """A flow that requests start, verified so."""
    fields = {"input": "Order {{ body.order.id }}", "overlap": {"policy": "parallel"}, **fields}
    made = flows.ask({"type": "webhook", "verification": verification}, **fields).data
    return Hook(flows, made["id"], made["hook_path"])


def test_a_request_starts_a_run_with_what_was_sent(flows: Flows) -> None:
    shop = hook(flows, NONE, input={"order": "{{ body.order.id }}", "event": "{{ headers['x-shop-event'] }}"})
    answer = shop.send(X_Shop_Event="paid")
    assert (answer.status, answer.body) == (202, {"duplicate": False})
    assert shop.told() == ["pending"]
    flows.work()
    assert (shop.told(), flows.runs()[0]["input"]) == (["started"], {"order": 7, "event": "paid"})


def test_a_delivery_counts_once(flows: Flows) -> None:
    shop = hook(flows, {**NONE, "delivery_header": "X-Delivery"})
    answers = [shop.send(X_Delivery=delivery).body for delivery in ("1", "2", "1")]
    flows.work()
    assert answers == [{"duplicate": False}, {"duplicate": False}, {"duplicate": True}]
    assert len(flows.runs()) == 2


def test_requests_without_a_delivery_id_are_all_meant(flows: Flows) -> None:
    shop = hook(flows, NONE)
    assert [shop.send().body["duplicate"] for _ in range(2)] == [False, False]
    flows.work()
    assert len(flows.runs()) == 2


def test_text_is_a_body_too(flows: Flows) -> None:
    shop = hook(flows, NONE, input="{{ body }}")
    assert shop.send("Grüße".encode(), "text/plain").status == 202
    flows.work()
    assert flows.runs()[0]["input"] == "Grüße"


@pytest.mark.parametrize(
    ("raw", "content_type", "code"),
    [
        (b'{"order": ', "application/json", "malformed_json"),
        (b"\xff", "text/plain", "malformed_json"),
        (b"[" * 40 + b"]" * 40, "application/json", "nesting_too_deep"),
        (b'{"a": "\\u0000"}', "application/json", "invalid_characters"),
    ],
)
def test_what_cannot_be_kept_is_refused(flows: Flows, raw: bytes, content_type: str, code: str) -> None:
    shop = hook(flows, NONE)
    answer = shop.send(raw, content_type)
    assert (400 <= answer.status < 500, answer.body["code"]) == (True, code)
    assert shop.told() == []


def standard(raw: bytes, at: datetime, message_id: str = "msg_1", secret: str = SECRET) -> dict[str, str]:
    """The headers that the sender's library makes."""
    signature = Webhook(secret).sign(message_id, at, raw.decode())
    return {"webhook_id": message_id, "webhook_timestamp": str(int(at.timestamp())), "webhook_signature": signature}


def test_standard_webhooks_are_verified(flows: Flows, clock: Clock) -> None:
    shop = hook(flows, {"scheme": "standard_webhooks", "secret": SECRET})
    other = "whsec_" + b64encode(b"f" * 32).decode()
    good, again = (standard(ORDER, now()) for _ in range(2))
    forged = standard(ORDER, now(), secret=other)
    old, early = (standard(ORDER, datetime.fromtimestamp(now().timestamp() + shift, UTC)) for shift in (-301, 301))
    moved = {**good, "webhook_id": "msg_2"}
    assert [shop.send(**headers).status for headers in (forged, old, early, moved, {})] == [403] * 5
    assert shop.send(ORDER + b" ", **good).status == 403
    both = {**good, "webhook_signature": f"{forged['webhook_signature']} {good['webhook_signature']}"}
    assert [shop.send(**headers).body["duplicate"] for headers in (both, again)] == [False, True]


def test_a_public_key_of_standard_webhooks_verifies(flows: Flows) -> None:
    private = Ed25519PrivateKey.generate()
    secret = "whpk_" + b64encode(private.public_key().public_bytes_raw()).decode()
    shop = hook(flows, {"scheme": "standard_webhooks", "secret": secret})
    headers = standard(ORDER, now())
    content = f"msg_1.{headers['webhook_timestamp']}.".encode() + ORDER
    signed = "v1a," + b64encode(private.sign(content)).decode()
    assert shop.send(**{**headers, "webhook_signature": signed}).status == 202
    assert [shop.send(**{**headers, "webhook_signature": bad}).status for bad in ("v1a,AAAA", signed[:-8], "")] == [403] * 3


@pytest.mark.parametrize(
    ("verification", "signature"),
    [
        ({}, hmac.digest(b"a-good-secret", ORDER, "sha256").hex()),
        ({}, hmac.digest(b"a-good-secret", ORDER, "sha256").hex().upper()),
        ({"header": "X-Signature"}, "sha256=" + hmac.digest(b"a-good-secret", ORDER, "sha256").hex()),
        ({"algorithm": "sha1"}, hmac.digest(b"a-good-secret", ORDER, "sha1").hex()),
        ({"algorithm": "sha512", "encoding": "base64"}, b64encode(hmac.digest(b"a-good-secret", ORDER, "sha512")).decode()),
    ],
)
def test_an_hmac_of_the_body_is_verified(flows: Flows, verification: dict[str, str], signature: str) -> None:
    shop = hook(flows, {"scheme": "hmac", "secret": "a-good-secret", **verification})
    assert shop.send(X_Signature=signature).status == 202
    assert [shop.send(ORDER + b" ", X_Signature=signature).status, shop.send(X_Signature="").status, shop.send().status] == [
        403
    ] * 3


def test_a_bearer_token_is_verified(flows: Flows) -> None:
    shop = hook(flows, {"scheme": "bearer", "secret": "a-good-secret"}, input="{{ headers }}")
    assert shop.send(Authorization="Bearer a-good-secret").status == 202
    assert [shop.send(Authorization=bad).status for bad in ("Bearer another-secret", "a-good-secret", "Basic a-good-secret")] == [
        403
    ] * 3
    flows.work()
    assert "a-good-secret" not in json.dumps(flows.runs()[0]["input"])


def test_the_secret_and_the_address_are_never_shown_again(flows: Flows) -> None:
    shop = hook(flows, {"scheme": "bearer", "secret": "a-good-secret"})
    flows.patch(shop.flow_id, trigger={"verification": {"secret": "another-secret"}})
    shown = json.dumps([flows.read(shop.flow_id), flows.client.get("/job-flows").data])
    told = str([event.__data__ for name in ("created", "updated") for event in flows.events(f"job_flows.{name}")])
    assert not any(secret in text for secret in ("a-good-secret", "another-secret", shop.path) for text in (shown, told))
    assert [shop.send(Authorization=f"Bearer {secret}").status for secret in ("a-good-secret", "another-secret")] == [403, 202]


def test_another_field_leaves_the_secret_as_it_is(flows: Flows) -> None:
    shop = hook(flows, {"scheme": "bearer", "secret": "a-good-secret"})
    assert flows.patch(shop.flow_id, trigger={"verification": {"delivery_header": "X-Id"}}).status == 200
    assert shop.send(Authorization="Bearer a-good-secret").status == 202


@pytest.mark.parametrize(
    ("verification", "codes"),
    [
        ({"scheme": "bearer"}, {"trigger.verification.secret": ["required"]}),
        ({"scheme": "none", "secret": "a-good-secret"}, {"trigger.verification.secret": ["invalid_choice"]}),
        ({"scheme": "standard_webhooks", "secret": "whsec_short"}, {"trigger.verification.secret": ["invalid_format"]}),
        (
            {"scheme": "bearer", "secret": "a-good-secret", "algorithm": "sha1"},
            {"trigger.verification.algorithm": ["invalid_choice"]},
        ),
    ],
)
def test_a_verification_that_is_none_is_refused(flows: Flows, verification: dict[str, str], codes: dict[str, list[str]]) -> None:
    assert flows.ask({"type": "webhook", "verification": verification}).codes == codes


def test_a_new_address_takes_the_place_of_the_old_one(flows: Flows) -> None:
    shop = hook(flows, NONE)
    rotated = flows.client.post(f"/job-flows/{shop.flow_id}/rotate-token").data["hook_path"]
    assert [shop.send().status, Hook(flows, shop.flow_id, rotated).send().status] == [404, 202]


def test_a_trigger_that_becomes_a_webhook_is_given_an_address(flows: Flows) -> None:
    flow_id = flows.every(1)
    assert flows.client.post(f"/job-flows/{flow_id}/rotate-token").codes == {"_": ["invalid_state"]}
    flows.patch(flow_id, trigger={"type": "webhook", "verification": NONE})
    path = flows.client.post(f"/job-flows/{flow_id}/rotate-token").data["hook_path"]
    assert Hook(flows, flow_id, path).send().status == 202
    flows.patch(flow_id, trigger={"type": "manual"})
    assert Hook(flows, flow_id, path).send().status == 404


def test_a_flow_that_is_paused_keeps_what_is_sent_from_starting(flows: Flows) -> None:
    shop = hook(flows, NONE)
    flows.switch(shop.flow_id, "paused")
    assert (shop.send().status, shop.told()) == (202, ["skipped paused"])
    flows.switch(shop.flow_id, "disabled")
    assert shop.send().status == 404


def test_what_waits_is_skipped_when_the_flow_is_paused(flows: Flows) -> None:
    shop = hook(flows, NONE)
    shop.send()
    flows.switch(shop.flow_id, "paused")
    flows.work()
    assert (shop.told(), flows.runs()) == (["skipped paused"], [])


def test_what_is_sent_while_it_cannot_start_starts_afterwards(flows: Flows, clock: Clock) -> None:
    shop, place = hook(flows, NONE), f"/organizations/{flows.owner.organization_id}"
    flows.client.post(f"{place}/halt", {"reason": "Stop."})
    for _ in range(2):
        shop.send()
    flows.work()
    assert shop.told() == ["parked invalid_state"] * 2
    flows.client.post(f"{place}/resume")
    clock.pass_by(hours=48)
    flows.watch()
    assert shop.told() == ["started"] * 2


def test_where_flows_are_off_nothing_is_taken(flows: Flows) -> None:
    shop = hook(flows, NONE)
    with organization_scope(flows.owner.organization_id), flows.app.database.transaction():
        features.switch(flows.owner.organization_id, "job_flows", False)
    flows.app.organization_states.forget(flows.owner.organization_id)
    answer = shop.send()
    assert (answer.status, answer.body["code"]) == (404, "feature_disabled")
