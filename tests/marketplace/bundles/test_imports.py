"""A listing goes from one installation to another: what is planned, made, and refused."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from aasim_core.app import App, migration_sources
from aasim_core.plugins import Plugins
from aasim_core.secrets import save_keyring
from aasim_core.serving.application import make_wsgi
from aasim_core.testing.apps import settings_in
from aasim_core.testing.databases import Databases
from aasim_core.testing.shared_apps import opened
from aasim_core.testing.world import Answer, Client, Person, World
from aasim_core.worker.runner import work_off
from aasim_plugins.marketplace.bundles import signing

from .. import corpus
from ..conftest import LOG, Make
from .signed import ELSEWHERE, KEY, TOOL, TRUSTED, bundle, offer, resigned


@pytest.fixture(scope="session")
def plugin_settings() -> Mapping[str, Any]:
    """The operator trusts one other installation."""
    return {"marketplace.trusted_keys": TRUSTED}


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


def bring_in(client: Client, carried: Any, **order: Any) -> Answer:
    """Import what the plan shows."""
    planned = client.post("/marketplace/import?plan=true", {"bundle": carried, **order}).data
    assert planned["listing"] is None
    return client.post("/marketplace/import", {"bundle": carried, "digest": planned["plan"]["digest"], **order})


def codes_of(buyer: Person, carried: Any) -> dict[str, list[str]]:
    """What the import of it is refused with."""
    return buyer.client.post("/marketplace/import?plan=true", {"bundle": carried}).codes


@pytest.mark.long
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


@pytest.mark.long
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
