"""Files that an exporter elsewhere signs, whole and changed."""

from hashlib import sha256
from typing import Any

from aasim_core.clock import now
from aasim_core.secrets import Key, Keyring
from aasim_plugins.marketplace.bundles import contents, signing
from aasim_plugins.marketplace.models import Offer

HERE = Keyring([Key("here", sha256(b"here").digest())])
ELSEWHERE = Keyring([Key("elsewhere", sha256(b"elsewhere").digest())])
[KEY] = signing.public_keys(ELSEWHERE)
TRUSTED = {"acme": KEY}
TOOL = {
    "key": "agent:helper", "plugin": "agents", "description": "Helps.", "effect": "read", "approval": "auto", "asks": "never",
    "app": None, "digest": "0" * 64, "ref": None,
}  # fmt: skip


def offer(**changes: Any) -> Offer:
    """What an exporter elsewhere offers, as nobody there has looked at it."""
    definition = {
        "instructions": "Read invoices.",
        "parameters": {"temperature": 1.0},
        "tools": [{"ref": "agent:helper", "approval": "auto"}],
    }
    document = {"agent_id": "agent_01h455vb4pex5vsknk084sn02q", "name": "Reader", "description": "", "tags": []}
    needs = {"plugins": ["agents"], "provider": None, "model": None, "tools": [TOOL], "limits": {}}
    terms = {"title": "Invoice reader", "summary": "", "description": "", "category": "", "tags": [], "license": "For Acme."}
    return Offer(**{
        **terms, "organization_id": "", "listing_id": "listing_01h455vb4pex5vsknk084sn02q", "number": 3, "published_at": now(),
        "seller_name": "Acme",
        "price": {"type": "one_time", "amount": 9_007_199_254_740_993, "currency": "credits"}, "agent_version": 2, "effects": ["read"],
        "requirements": needs, "scorecard": [{"name": "Quality", "threshold": 0.7, "score": 0.9, "cases": 4, "status": "passed"}],
        "document": {**document, "definition": definition}, **changes,
    })  # fmt: skip


def bundle(**changes: Any) -> dict[str, str]:
    """What that exporter signs."""
    return signing.sealed(ELSEWHERE, contents.payload_of(offer(**changes)))


def resigned(change: Any, ring: Keyring = ELSEWHERE) -> dict[str, str]:
    """A bundle of the payload as `change` leaves it, digests and all, signed with the ring's key."""
    payload, _ = signing.opened(bundle(), HERE, TRUSTED)
    change(payload)
    return signing.sealed(ring, payload)
