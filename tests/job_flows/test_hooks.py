"""Flows that requests of others start: verified, kept before they are answered, and each delivery once."""

import hmac
import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from standardwebhooks import Webhook

from aasim_core.clock import now, to_text
from aasim_core.context import organization_scope
from aasim_core.tenancy import feature_switches as features
from aasim_core.testing.contract.exchanges import Exchange, ask

from .conftest import MOST_WAITING, SLEEPER, Clock, Flows

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


def hook(flows: Flows, verification: Mapping[str, Any], headers: Sequence[str] = (), **fields: Any) -> Hook:
    """A flow that requests start, verified so, which keeps these headers."""
    fields = {"input": "Order {{ body.order.id }}", "overlap": {"policy": "parallel"}, **fields}
    made = flows.ask({"type": "webhook", "verification": verification, "headers": list(headers)}, **fields).data
    return Hook(flows, made["id"], made["hook_path"])


def test_a_request_starts_a_run_with_what_was_sent(flows: Flows) -> None:
    given = {"order": "{{ body.order.id }}", "event": "{{ headers['x-shop-event'] }}"}
    shop = hook(flows, NONE, headers=["X-Shop-Event"], input=given)
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


def paused_with(flows: Flows, count: int, **fields: Any) -> Hook:
    """The address of a flow to which something was sent while it was paused."""
    shop = hook(flows, NONE, **fields)
    flows.switch(shop.flow_id, "paused")
    for _ in range(count):
        shop.send()
    return shop


def test_what_comes_while_a_run_continues_waits_for_its_turn_however_much_it_is(
    flows: Flows, clock: Clock, sleepers: list[timedelta]
) -> None:
    shop = hook(flows, NONE, overlap=None, target=SLEEPER)
    for _ in range(15):
        shop.send()
        clock.pass_by(milliseconds=5)
    flows.work()
    assert shop.told() == ["started"] * 11 + ["parked overlap"] * 4
    flows.until(to_text(now() + timedelta(minutes=16)), step=timedelta(seconds=30))
    assert (shop.told(), [run["status"] for run in flows.runs()]) == (["started"] * 15, ["succeeded"] * 15)


def test_what_comes_later_does_not_overtake_what_waits(flows: Flows, clock: Clock, sleepers: list[timedelta]) -> None:
    shop = hook(flows, NONE, overlap=None, target=SLEEPER, input="{{ body.n }}")
    for number in range(13):
        shop.send(json.dumps({"n": number}).encode())
        clock.pass_by(milliseconds=5)
        flows.work()
    flows.until(to_text(now() + timedelta(minutes=14)), step=timedelta(seconds=30))
    assert [run["input"] for run in flows.runs()] == list(range(13))


@pytest.mark.parametrize("trigger", [{"type": "webhook", "verification": NONE}, {"type": "event", "pattern": "agents.created"}])
def test_by_default_nothing_that_comes_is_left_out(flows: Flows, trigger: dict[str, Any]) -> None:
    assert flows.ask(trigger).data["overlap"] == {"policy": "queue", "max": None}


def test_null_returns_to_the_default_of_the_trigger(flows: Flows) -> None:
    flow_id = flows.every(1, overlap={"policy": "parallel", "max": 3})
    assert flows.patch(flow_id, overlap=None).data["overlap"] == {"policy": "skip", "max": 10}


def test_a_parallel_flow_needs_a_maximum(flows: Flows) -> None:
    assert flows.ask({"type": "manual"}, overlap={"policy": "parallel", "max": None}).codes == {
        "overlap.max": ["null_not_allowed"]
    }


def test_what_would_be_too_much_is_refused_before_it_is_taken(flows: Flows) -> None:
    shop = hook(flows, NONE)
    *taken, refused = [shop.send() for _ in range(MOST_WAITING + 1)]
    assert {answer.status for answer in taken} == {202}
    assert (refused.status, refused.body["code"], refused.headers["retry-after"]) == (429, "queue_full", "30")
    assert shop.told() == ["pending"] * MOST_WAITING


def test_what_is_skipped_keeps_what_was_sent_and_is_told(flows: Flows) -> None:
    shop = paused_with(flows, 1)
    [firing] = flows.firings(shop.flow_id)
    read = flows.client.get(f"/job-flows/{shop.flow_id}/executions/{firing['id']}").data
    assert read["payload"]["body"] == {"order": {"id": 7}}
    assert [event.data for event in flows.events("job_flows.skipped")] == [
        {"firing_id": firing["id"], "origin": "webhook", "reason": "paused"}
    ]


def test_what_was_refused_is_started_again_when_the_flow_is_right(flows: Flows) -> None:
    shop = hook(flows, NONE, input="{{ body.order.number }}")
    shop.send()
    flows.work()
    assert shop.told() == ["refused invalid_format"]
    flows.patch(shop.flow_id, input="{{ body.order.id }}")
    [firing] = flows.firings(shop.flow_id)
    path = f"/job-flows/{shop.flow_id}/executions/{firing['id']}/start"
    assert flows.client.post(path).status == 202
    flows.work()
    assert (shop.told(), flows.runs()[0]["input"]) == (["started"], 7)
    assert flows.client.post(path).codes == {"_": ["invalid_state"]}


def test_all_that_was_skipped_is_started_again_the_oldest_first(flows: Flows) -> None:
    shop = paused_with(flows, 3)
    path = f"/job-flows/{shop.flow_id}/executions/start"
    assert flows.client.post(path, {}).codes == {"_": ["invalid_state"]}
    flows.switch(shop.flow_id, "active")
    plan = flows.client.post(path, {"reason": "paused", "dry_run": True})
    assert (plan.status, plan.data, shop.told()) == (200, {"count": 3, "has_more": False}, ["skipped paused"] * 3)
    assert flows.client.post(path, {"outcome": "refused"}).data["count"] == 0
    assert flows.client.post(path, {}).data["count"] == 3
    flows.work()
    assert shop.told() == ["started"] * 3
    assert [event.data["count"] for event in flows.events("job_flows.start_requested")] == [3]


def test_a_due_time_is_for_a_backfill(flows: Flows, clock: Clock) -> None:
    flow_id = flows.every(1)
    flows.switch(flow_id, "paused")
    clock.pass_by(minutes=1)
    flows.watch()
    flows.switch(flow_id, "active")
    [firing] = flows.firings(flow_id)
    answer = flows.client.post(f"/job-flows/{flow_id}/executions/{firing['id']}/start")
    assert answer.codes == {"_": ["invalid_state"]}
    assert "backfill" in answer.body["message"]


def test_a_signed_request_that_is_sent_again_under_another_id_is_a_duplicate(flows: Flows) -> None:
    shop = hook(flows, {"scheme": "hmac", "secret": "a-good-secret", "delivery_header": "X-Delivery"})
    signature = hmac.digest(b"a-good-secret", ORDER, "sha256").hex()
    answers = [shop.send(X_Signature=signature, X_Delivery=delivery).body for delivery in ("1", "2")]
    assert answers == [{"duplicate": False}, {"duplicate": True}]


def test_long_delivery_ids_that_differ_at_their_end_are_two(flows: Flows) -> None:
    shop = hook(flows, {**NONE, "delivery_header": "X-Delivery"})
    assert [shop.send(X_Delivery="x" * 300 + end).body["duplicate"] for end in ("1", "2", "1")] == [False, False, True]


def test_only_named_headers_are_kept(flows: Flows) -> None:
    shop = hook(flows, NONE, headers=["X-Shop-Event"], input="{{ headers }}")
    shop.send(X_Shop_Event="paid", X_Api_Key="secret", X_Gitlab_Token="secret", Webhook_Id="7")
    flows.work()
    kept = {"content-type": "application/json", "webhook-id": "7", "x-shop-event": "paid"}
    assert {**flows.runs()[0]["input"], **kept} == {**kept, "user-agent": "falcon-client/4.4.0"}


@pytest.mark.parametrize("name", ["Authorization", "Cookie", "X-Hub-Signature-256"])
def test_a_header_with_credentials_cannot_be_kept(flows: Flows, name: str) -> None:
    verification = {"scheme": "hmac", "secret": "a-good-secret", "header": "X-Hub-Signature-256"}
    answer = flows.ask({"type": "webhook", "verification": verification, "headers": [name]})
    assert answer.codes == {"trigger.headers[0]": ["invalid_choice"]}
