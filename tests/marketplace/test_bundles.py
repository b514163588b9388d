"""Signed files that carry listings: what is refused by which name, and a listing that goes from one installation to another."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import rfc8785

from aasim_core.app import App, migration_sources
from aasim_core.clock import now
from aasim_core.context import organization_scope
from aasim_core.errors import Invalid
from aasim_core.plugins import Plugins
from aasim_core.secrets import Key, Keyring, save_keyring
from aasim_core.serving.application import make_wsgi
from aasim_core.testing.apps import settings_in
from aasim_core.testing.databases import Databases
from aasim_core.testing.shared_apps import opened
from aasim_core.testing.world import Answer, Client, Person, World
from aasim_core.text import base64url
from aasim_core.worker.runner import work_off
from aasim_plugins.marketplace.bundles import contents, signing
from aasim_plugins.marketplace.models import Offer

from . import corpus
from .conftest import LOG, Make

HERE = Keyring([Key("here", sha256(b"here").digest())])
ELSEWHERE = Keyring([Key("elsewhere", sha256(b"elsewhere").digest())])
[KEY] = signing.public_keys(ELSEWHERE)
TRUSTED = {"acme": KEY}
OPERATE = Path(__file__).parents[2] / "docs" / "operate" / "marketplace.md"
TOOL = {
    "key": "agent:helper", "plugin": "agents", "description": "Helps.", "effect": "read", "approval": "auto", "asks": "never",
    "app": None, "digest": "0" * 64, "ref": None,
}  # fmt: skip


@pytest.fixture(scope="session")
def plugin_settings() -> Mapping[str, Any]:
    """The operator trusts one other installation."""
    return {"marketplace.trusted_keys": TRUSTED}


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


def refused(broken: Mapping[str, str]) -> dict[str, list[str]]:
    """The codes that opening the bundle ends with, by the part that they are about."""
    with pytest.raises(Invalid) as caught:
        signing.opened(broken, HERE, TRUSTED)
    return {path: [problem.code for problem in problems] for path, problems in caught.value.problems.items()}


def resigned(change: Any, ring: Keyring = ELSEWHERE) -> dict[str, str]:
    """A bundle of the payload as `change` leaves it, digests and all, signed with the ring's key."""
    payload, _ = signing.opened(bundle(), HERE, TRUSTED)
    change(payload)
    return signing.sealed(ring, payload)


def test_what_is_opened_is_what_was_sealed() -> None:
    payload, signer = signing.opened(bundle(), HERE, TRUSTED)
    assert signer == signing.Signer("acme", KEY)
    assert payload["price"]["amount"] == "9007199254740993"
    with organization_scope("none"):
        read = contents.offer_of(payload)
    assert (read.price["amount"], read.title, read.number) == (9_007_199_254_740_993, "Invoice reader", 3)
    assert read.document["definition"]["instructions"] == "Read invoices."


@pytest.mark.parametrize("part", ["protected", "payload", "signature"])
def test_a_flipped_byte_is_refused_by_the_name_of_its_part(part: str) -> None:
    whole = bundle()
    for number, character in enumerate(whole[part]):
        flipped = whole[part][:number] + chr(ord(character) ^ 1) + whole[part][number + 1 :]
        found = refused({**whole, part: flipped})
        assert len(found) == 1
        assert next(iter(found)).startswith(f"bundle.{part}"), (number, found)


def test_a_changed_field_is_refused_by_its_digest() -> None:
    whole = bundle()
    payload = json.loads(base64url.decode(whole["payload"]))
    payload["price"]["amount"] = "0"
    changed = {**whole, "payload": base64url.encode(rfc8785.dumps(payload))}
    assert refused(changed) == {"bundle.payload.price": ["bundle_broken"]}


def test_a_payload_whose_digests_were_made_anew_is_refused_by_its_signature() -> None:
    changed = resigned(lambda payload: payload.update(license="None."))
    assert refused({**changed, "signature": bundle()["signature"]}) == {"bundle.signature": ["bundle_broken"]}


def test_nobody_signs_for_another_key() -> None:
    forged = resigned(lambda payload: None, Keyring([Key("forger", sha256(b"forger").digest())]))
    assert refused(forged) == {"bundle.protected": ["key_not_trusted"]}
    assert refused({**forged, "protected": bundle()["protected"]}) == {"bundle.signature": ["bundle_broken"]}


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
def test_no_header_chooses_another_way_to_verify(algorithm: str) -> None:
    header = base64url.encode(rfc8785.dumps({"alg": algorithm, "kid": KEY, "typ": "aasim-listing+jws"}))
    assert refused({**bundle(), "protected": header, "signature": ""}) == {"bundle.protected": ["bundle_broken"]}


def test_a_number_that_others_would_round_is_not_exported() -> None:
    definition = {"instructions": "", "parameters": {"seed": 2**53}, "tools": []}
    with pytest.raises(Invalid) as caught:
        bundle(document={"agent_id": "", "name": "Reader", "description": "", "tags": [], "definition": definition})
    assert caught.value.problems.keys() == {"agent.definition.parameters.seed"}


def test_a_key_that_is_none_is_no_setting() -> None:
    assert not signing.is_key(KEY[:-1])
    assert not signing.is_key(f"{KEY[:-1]}=")
    assert signing.is_key(KEY)


def verified(folder: Path, carried: Mapping[str, str], key: str = KEY) -> subprocess.CompletedProcess[str]:
    """What the script of the operator's page says of a bundle."""
    [script] = re.findall(r"```python\n(.*?)```", OPERATE.read_text(encoding="utf-8"), re.DOTALL)
    assert "aasim_" not in script
    (folder / "verify.py").write_text(script, encoding="utf-8")
    (folder / "listing.json").write_text(json.dumps(carried), encoding="utf-8")
    command = [sys.executable, "-I", "-W", "ignore", str(folder / "verify.py"), str(folder / "listing.json"), key]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_the_script_of_the_documentation_verifies_a_bundle(tmp_path: Path) -> None:
    assert verified(tmp_path, bundle()).stdout == "Invoice reader, release 3, by Acme\n"
    changed = resigned(lambda payload: payload.update(license="None."))
    assert (
        verified(tmp_path, {**changed, "signature": bundle()["signature"]}).stderr
        == "The file was changed after it was signed.\n"
    )
    assert verified(tmp_path, bundle(), signing.public_keys(HERE)[0]).returncode == 1


# Into an installation


def bring_in(client: Client, carried: Any, **order: Any) -> Answer:
    """Import what the plan shows."""
    planned = client.post("/marketplace/import?plan=true", {"bundle": carried, **order}).data
    assert planned["listing"] is None
    return client.post("/marketplace/import", {"bundle": carried, "digest": planned["plan"]["digest"], **order})


def codes_of(buyer: Person, carried: Any) -> dict[str, list[str]]:
    """What the import of it is refused with."""
    return buyer.client.post("/marketplace/import?plan=true", {"bundle": carried}).codes


@pytest.fixture
def carried(databases: Databases, app_plugins: Plugins, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A bundle of a listing that another installation has published; that one is gone by the time that this one is there."""
    folder = tmp_path_factory.mktemp("elsewhere")
    with databases.lent(migration_sources(app_plugins)) as database:
        settings = settings_in(folder, {}, **database)
        save_keyring(ELSEWHERE, settings.secrets.key_file)
        with opened(settings, app_plugins) as app:
            yield _exported(World(app, make_wsgi(app)).organization("Acme").client)


def _exported(client: Client) -> dict[str, str]:
    engine_id = client.get("/engines?provider=scripted").data["items"][0]["id"]
    helper = client.post("/agents", {"name": "Helper", "description": "Helps."}).data["id"]
    agent = client.post("/agents", {
        "name": "Reader", "instructions": "Read.", "engine_id": engine_id, "parameters": {"replies": ["It was paid twice."]},
        "tools": [{"ref": f"agent:{helper}"}],
    }).data["id"]  # fmt: skip
    body = {"agent_id": agent, "title": "Invoice reader", "visibility": "instance", "license": "For Acme."}
    listing_id = client.post("/marketplace", body).data["id"]
    return dict(client.get(f"/marketplace/{listing_id}/bundle").data)


def test_a_listing_goes_to_another_installation_and_runs_there(
    carried: dict[str, str], app: App, buyer: Person, agent: Make
) -> None:
    engine_id = buyer.client.get("/engines?provider=scripted").data["items"][0]["id"]
    helper = agent("Other helper", client=buyer.client, description="Helps.")
    order = {"engine_id": engine_id, "tools": {"agent:helper": f"agent:{helper['id']}"}, "name": "Reader of Acme"}
    answer = bring_in(buyer.client, carried, **order)
    assert answer.status == 201
    plan, listing = answer.data["plan"], answer.data["listing"]
    assert (plan["signed_by"], plan["seller_name"], plan["missing"]) == ("acme", "Acme", [])
    assert [each["ref"] for each in plan["differences"]] == ["agent:helper"]  # it has another name
    assert (listing["status"], listing["license"], listing["effects"]) == ("draft", "For Acme.", ["read"])
    assert (listing["origin"]["seller_name"], listing["origin"]["key"]) == ("Acme", KEY)
    [told] = buyer.client.get(f"{LOG}marketplace.imported").data["items"]
    assert told["data"] == listing["origin"]
    run = buyer.client.post(f"/agents/{listing['agent_id']}/execute", {"input": "Invoice 7"}).data["id"]
    work_off(app)
    assert buyer.client.get(f"/executions/{run}").data["output"] == "It was paid twice."
    assert buyer.client.patch(f"/marketplace/{listing['id']}", {"status": "published"}).data["status"] == "published"


def test_the_plan_says_what_is_missing_and_what_differs_and_makes_nothing(buyer: Person) -> None:
    needs = {**offer().requirements, "provider": "openai", "model": "gpt-9"}
    plan = buyer.client.post("/marketplace/import?plan=true", {"bundle": bundle(requirements=needs)}).data["plan"]
    assert [lack["kind"] for lack in plan["missing"]] == ["tool"]
    assert [each["message"] for each in plan["differences"]] == ["It was scored with gpt-9, and would run on the default engine."]
    assert buyer.client.get("/agents").data["items"] == buyer.client.get("/marketplace/my-listings").data["items"] == []


def test_what_is_imported_is_what_was_seen(buyer: Person) -> None:
    path = "/marketplace/import"
    assert buyer.client.post(path, {"bundle": bundle()}).codes == {"digest": ["required"]}
    digest = buyer.client.post(f"{path}?plan=true", {"bundle": bundle()}).data["plan"]["digest"]
    other = bundle(license="For nobody.")
    assert buyer.client.post(path, {"bundle": other, "digest": digest}).codes == {"digest": ["action_changed"]}


def test_a_release_is_imported_once_unless_it_is_asked_for_again(buyer: Person) -> None:
    made = bring_in(buyer.client, bundle()).data["listing"]
    for path in ("/marketplace/import?plan=true", "/marketplace/import"):
        refused = buyer.client.post(path, {"bundle": bundle(), "digest": "0" * 64})
        assert (refused.status, refused.codes) == (409, {"_": ["already_exists"]})
        assert refused.body["errors"]["_"][0]["meta"] == {"listing_id": made["id"], "agent_id": made["agent_id"]}
    assert len(buyer.client.get("/agents").data["items"]) == 1
    assert bring_in(buyer.client, bundle(number=4)).status == 201
    assert bring_in(buyer.client, bundle(), again=True).data["listing"]["id"] != made["id"]


def test_a_release_whose_listing_was_taken_back_is_imported_anew(buyer: Person) -> None:
    made = bring_in(buyer.client, bundle()).data["listing"]
    buyer.client.delete(f"/marketplace/{made['id']}")
    assert bring_in(buyer.client, bundle()).status == 201


def test_another_organization_imports_the_same_release(seller: Person, buyer: Person) -> None:
    assert bring_in(seller.client, bundle()).status == bring_in(buyer.client, bundle()).status == 201


def test_who_may_not_read_the_first_import_learns_only_that_there_is_one(world: World, buyer: Person) -> None:
    here, there = (buyer.client.post("/projects", {"name": name, "key": name}).data["id"] for name in ("HERE", "THERE"))
    builder = world.member(buyer, "builder", there)
    bring_in(buyer.client, bundle(), project_id=here)
    refused = builder.client.post("/marketplace/import?plan=true", {"bundle": bundle(), "project_id": there})
    assert refused.codes == {"_": ["already_exists"]}
    assert "meta" not in refused.body["errors"]["_"][0]


def test_every_gate_refuses_its_counterpart(buyer: Person, listing: Make) -> None:
    listing(title="Ledger keeper")
    secret = corpus.ENCODINGS["base64"](corpus.secrets(1)[0])
    document = {**offer().document, "description": "Read.\u202e"}
    payload = "bundle.payload"
    assert codes_of(buyer, bundle(summary=f"Use {secret}.")) == {f"{payload}.summary": ["secret_found"]}
    assert codes_of(buyer, bundle(document=document)) == {f"{payload}.agent.description": ["hidden_text"]}
    assert codes_of(buyer, bundle(title="Ledger kееper")) == {f"{payload}.title": ["look_alike_title"]}
    assert codes_of(buyer, bundle(effects=[])) == {f"{payload}.effects": ["effects_understated"]}
    card = [{**offer().scorecard[0], "score": 0.4}]
    assert codes_of(buyer, bundle(scorecard=card)) == {"_": ["rubric_gate_failed"]}


def test_a_tool_that_is_not_told_of_is_refused(buyer: Person, agent: Make) -> None:
    hidden = {**offer().requirements, "tools": []}
    found = codes_of(buyer, bundle(requirements=hidden, effects=[]))
    assert found == {"bundle.payload.requirements.tools": ["invalid_reference"]}
    asked = {**offer().requirements, "tools": [{**TOOL, "approval": "always"}]}
    assert codes_of(buyer, bundle(requirements=asked)) == {"bundle.payload.requirements.tools": ["invalid_reference"]}


def test_digests_of_other_things_than_the_payload_has_are_refused(buyer: Person) -> None:
    forged = resigned(lambda payload: payload["scored_with"].update(prompt="0" * 64))
    assert codes_of(buyer, forged) == {"bundle.payload.scored_with": ["bundle_broken"]}


def test_a_payload_that_is_no_listing_is_refused_where_it_is_wrong(buyer: Person) -> None:
    forged = resigned(lambda payload: payload["agent"]["definition"].update(tools="all"))
    assert codes_of(buyer, forged) == {"bundle.payload.agent.definition.tools": ["invalid_type"]}
    assert codes_of(buyer, signing.sealed(ELSEWHERE, {})).keys() > {"bundle.payload.title", "bundle.payload.agent"}


def test_only_what_is_published_is_exported_and_by_its_seller(seller: Person, buyer: Person, listing: Make) -> None:
    draft, public = listing(title="Draft", status="draft"), listing(title="Public")
    assert seller.client.get(f"/marketplace/{draft['id']}/bundle").codes == {"_": ["invalid_state"]}
    assert buyer.client.get(f"/marketplace/{public['id']}/bundle").codes == {"_": ["permission_denied"]}
    assert seller.client.get(f"/marketplace/{public['id']}/bundle").data.keys() == {"protected", "payload", "signature"}
