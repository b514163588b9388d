"""The endpoints of engines."""

from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from aasim_core.context import organization_scope
from aasim_core.data.records import find
from aasim_plugins.engine_anthropic.service import provider as anthropic
from aasim_plugins.engine_anthropic.settings import AnthropicSettings
from aasim_plugins.engine_openai.service import provider as openai
from aasim_plugins.engine_openai.settings import OpenAISettings
from aasim_plugins.engines import service
from aasim_plugins.engines.hookspecs import missing
from aasim_plugins.engines.models import Engine

OWN: dict[str, Any] = {"name": "Ours", "provider": "openai_compatible", "model": "m-1", "base_url": "http://127.0.0.1:9/v1"}


@pytest.fixture
def owner(world: Any) -> Any:
    return world.organization()


def names_of(answer: Any) -> list[str]:
    return [item["name"] for item in answer.data["items"]]


def test_every_organization_has_the_built_in_engines(owner: Any) -> None:
    items = {item["provider"]: item for item in owner.client.get("/engines").data["items"]}

    assert items.keys() == {"local", "scripted"}
    assert [item["is_default"] for item in (items["local"], items["scripted"])] == [True, False]
    assert all(item["built_in"] for item in items.values())
    assert items["local"]["capabilities"] == {"streaming": True, "tools": "emulated", "json_schema": True, "judge": False}
    assert owner.client.get(f"/engines/{items['local']['id']}").data == items["local"]


def test_asking_again_makes_no_second_set(owner: Any) -> None:
    first = owner.client.get("/engines").data

    assert owner.client.get("/engines").data == first


def test_another_organization_has_built_in_engines_of_its_own(world: Any, owner: Any) -> None:
    other = world.organization("Other")
    ours = owner.client.get("/engines").data["items"]
    theirs = other.client.get("/engines").data["items"]

    assert not {item["id"] for item in ours} & {item["id"] for item in theirs}
    assert other.client.get(f"/engines/{ours[0]['id']}").status == 404


def test_the_list_can_be_filtered_sorted_and_searched(owner: Any) -> None:
    owner.client.post("/engines", OWN)

    assert names_of(owner.client.get("/engines?sort=name")) == ["Embedded model", "Ours", "Scripted replies"]
    assert names_of(owner.client.get("/engines?provider=openai_compatible")) == ["Ours"]
    assert names_of(owner.client.get("/engines?q=SCRIPT")) == ["Scripted replies"]


@pytest.mark.parametrize(
    "values",
    [
        {"base_url": "http://127.0.0.2:9/v1"},
        {"base_url": "http://127.0.0.1:10/v1"},
        {"base_url": "https://127.0.0.1:9/v1"},
        {"base_url": None},
    ],
)
def test_an_engine_that_leads_elsewhere_takes_its_key_anew(owner: Any, values: dict[str, Any]) -> None:
    path = f"/engines/{owner.client.post('/engines', {**OWN, 'api_key': 'sentinel-of-the-key'}).data['id']}"

    assert owner.client.patch(path, values).codes == {"api_key": ["required"]}
    assert owner.client.patch(path, {**values, "api_key": "sentinel-of-another"}).status == 200


def test_an_engine_that_leads_to_the_same_service_keeps_its_key(owner: Any) -> None:
    path = f"/engines/{owner.client.post('/engines', {**OWN, 'api_key': 'sentinel-of-the-key'}).data['id']}"

    assert owner.client.patch(path, {"base_url": "http://127.0.0.1:9/v2", "model": "m-2"}).data["has_api_key"]
    assert not owner.client.put(path, {**OWN, "base_url": "http://127.0.0.2:9/v1"}).data["has_api_key"]


def test_an_engine_without_a_key_leads_where_it_is_told(owner: Any) -> None:
    path = f"/engines/{owner.client.post('/engines', OWN).data['id']}"

    assert owner.client.patch(path, {"base_url": "http://127.0.0.2:9/v1"}).status == 200


def test_the_key_is_sealed_and_never_shown(app: Any, owner: Any) -> None:
    made = owner.client.post("/engines", {**OWN, "api_key": "sentinel-of-the-key"})

    assert made.status == 201
    assert made.headers["location"] == f"/api/v1/engines/{made.data['id']}"
    assert made.data["has_api_key"] is True
    assert "sentinel-of-the-key" not in str((made.body, owner.client.get("/engines").body))
    with organization_scope(owner.organization_id):
        engine = find(Engine, made.data["id"])
        config = service.config_of(app, engine)
    assert "sentinel-of-the-key" not in str(engine.row())
    assert config.api_key is not None
    assert config.api_key.reveal() == "sentinel-of-the-key"


def test_a_key_can_be_replaced_and_cleared(owner: Any) -> None:
    path = f"/engines/{owner.client.post('/engines', OWN).data['id']}"

    assert owner.client.patch(path, {"api_key": "k2"}).data["has_api_key"] is True
    assert owner.client.patch(path, {"name": "Renamed"}).data["has_api_key"] is True
    assert owner.client.patch(path, {"api_key": None}).data["has_api_key"] is False


def test_a_patch_of_limits_and_capabilities_keeps_what_it_does_not_name(owner: Any) -> None:
    given = {**OWN, "limits": {"rpm": 5, "concurrency": 2}, "capabilities": {"judge": True}}
    path = f"/engines/{owner.client.post('/engines', given).data['id']}"

    changed = owner.client.patch(path, {"limits": {"tpm": 100_000, "rpm": None}, "capabilities": {"streaming": False}}).data
    assert changed["limits"] == {"rpm": None, "tpm": 100_000, "concurrency": 2}
    assert (changed["capabilities"]["judge"], changed["capabilities"]["streaming"]) == (True, False)


def test_an_engine_is_replaced_and_deleted(owner: Any) -> None:
    made = owner.client.post("/engines", {**OWN, "context_tokens": 4096, "capabilities": {"tools": "none"}}).data
    assert made["capabilities"] == {"streaming": True, "tools": "none", "json_schema": True, "judge": True}

    replaced = owner.client.put(f"/engines/{made['id']}", OWN).data
    assert (replaced["context_tokens"], replaced["capabilities"]["tools"]) == (None, "native")

    assert owner.client.delete(f"/engines/{made['id']}").data == {"id": made["id"], "deleted": True}
    assert owner.client.get(f"/engines/{made['id']}").status == 404


@pytest.mark.parametrize(
    ("fields", "codes"),
    [
        ({"provider": "openai_compatibel"}, {"provider": ["invalid_choice"]}),
        ({"base_url": None}, {"base_url": ["required"]}),
        ({"base_url": "ftp://example.com"}, {"base_url": ["invalid_format"]}),
        ({"model": None}, {"model": ["required"]}),
        ({"provider": "scripted"}, {"base_url": ["url_not_allowed"]}),
        ({"default_parameters": {"temperature": "hot"}}, {"default_parameters": ["invalid_format"]}),
        ({"fallback_engine_ids": ["engine_01h455vb4pex5vsknk084sn02q"]}, {"fallback_engine_ids": ["invalid_reference"]}),
        ({"prices": [{"input": -1, "output": 1}]}, {"prices[0].input": ["out_of_range"]}),
        ({"name": "Taken"}, {"name": ["not_unique"]}),
        ({"status": "degraded"}, {"status": ["invalid_choice"]}),
    ],
)
def test_what_does_not_go_together_is_refused(owner: Any, fields: dict[str, Any], codes: dict[str, list[str]]) -> None:
    owner.client.post("/engines", {**OWN, "name": "Taken"})

    answer = owner.client.post("/engines", {**OWN, **fields})

    assert (answer.status, answer.codes) == (422, codes)


def test_an_engine_of_a_built_in_provider_takes_the_providers_model(owner: Any) -> None:
    made = owner.client.post("/engines", {"name": "Dry run", "provider": "scripted", "default_parameters": {"replies": ["x"]}})

    assert (made.data["model"], made.data["built_in"]) == ("script", False)


def test_an_engine_cannot_fall_back_to_itself(owner: Any) -> None:
    engine_id = owner.client.post("/engines", OWN).data["id"]

    answer = owner.client.patch(f"/engines/{engine_id}", {"fallback_engine_ids": [engine_id]})

    assert answer.codes == {"fallback_engine_ids": ["invalid_reference"]}


def test_a_built_in_engine_can_be_adjusted_and_disabled_but_not_turned_into_another(owner: Any) -> None:
    path = f"/engines/{owner.client.get('/engines?provider=local').data['items'][0]['id']}"

    changed = owner.client.patch(path, {"status": "disabled", "default_parameters": {"max_output_tokens": 64}, "name": "Small"})
    assert (changed.data["status"], changed.data["name"]) == ("disabled", "Small")
    assert owner.client.patch(path, {"model": "other"}).codes == {"_": ["invalid_state"]}
    assert owner.client.delete(path).codes == {"_": ["invalid_state"]}
    assert owner.client.get(path).data["default_parameters"] == {"max_output_tokens": 64}


def test_a_name_that_is_taken_does_not_keep_a_built_in_engine_away(owner: Any) -> None:
    owner.client.post("/engines", {**OWN, "name": "Embedded model"})

    assert names_of(owner.client.get("/engines?provider=local")) == ["Embedded model 2"]


def test_reading_and_managing_are_two_permissions(world: Any, owner: Any) -> None:
    builder = world.member(owner, "builder").client
    engine_id = owner.client.post("/engines", OWN).data["id"]

    assert builder.get(f"/engines/{engine_id}").status == 200
    for answer in (
        builder.post("/engines", {**OWN, "name": "Mine"}),
        builder.patch(f"/engines/{engine_id}", {"name": "Mine"}),
        builder.put(f"/engines/{engine_id}", OWN),
        builder.delete(f"/engines/{engine_id}"),
        builder.post(f"/engines/{engine_id}/test"),
    ):
        assert (answer.status, answer.codes) == (403, {"_": ["permission_denied"]})


def test_whoever_has_rights_in_a_project_only_sees_the_engines_and_manages_none(world: Any, owner: Any) -> None:
    engine_id = owner.client.post("/engines", OWN).data["id"]
    member = world.member(owner, "admin", world.node(owner, "project")).client

    assert names_of(member.get("/engines?sort=name")) == ["Embedded model", "Ours", "Scripted replies"]
    assert member.get(f"/engines/{engine_id}").data["name"] == "Ours"
    assert member.post("/engines", {**OWN, "name": "Mine"}).codes == {"_": ["permission_denied"]}
    for answer in (
        member.patch(f"/engines/{engine_id}", {"name": "Mine"}),
        member.delete(f"/engines/{engine_id}"),
        member.post(f"/engines/{engine_id}/test"),
    ):
        assert (answer.status, answer.codes) == (403, {"_": ["permission_denied"]})


def test_a_change_needs_the_version_that_was_read(owner: Any) -> None:
    engine_id = owner.client.post("/engines", OWN).data["id"]

    assert owner.client.patch(f"/engines/{engine_id}", {"name": "Renamed"}, If_Match='"1"').data["version"] == 2
    assert owner.client.patch(f"/engines/{engine_id}", {"name": "Again"}, If_Match='"1"').status == 412


def test_a_test_says_how_it_went_and_is_remembered(owner: Any) -> None:
    script = {"name": "Dry run", "provider": "scripted", "default_parameters": {"replies": ["Hello there."]}}
    made = owner.client.post("/engines", script).data

    outcome = owner.client.post(f"/engines/{made['id']}/test").data

    assert (outcome["ok"], outcome["text"], outcome["model"], outcome["cost"]) == (True, "Hello there.", "script", 0)
    after = owner.client.get(f"/engines/{made['id']}").data
    kept = after["health"]["last_test"]
    assert (kept["ok"], kept["error"], after["version"]) == (True, None, made["version"])


def test_a_test_that_fails_is_an_answer_too(owner: Any) -> None:
    engine_id = owner.client.post("/engines", OWN).data["id"]

    answer = owner.client.post(f"/engines/{engine_id}/test")

    assert answer.status == 200
    assert answer.data["ok"] is False
    assert answer.data["error"]["code"] == "unavailable"
    assert "cannot be reached" in answer.data["error"]["message"]
    assert owner.client.get(f"/engines/{engine_id}").data["health"]["last_test"]["error"] == answer.data["error"]


@pytest.mark.parametrize(("provider", "setting"), [("openai_compatible", "engine_openai"), ("anthropic", "engine_anthropic")])
@pytest.mark.parametrize("address", ["http://10.0.0.7/v1", "http://169.254.169.254"])
def test_an_address_where_no_engine_may_be_is_refused_with_the_setting_that_allows_it(
    app: Any, owner: Any, provider: str, setting: str, address: str
) -> None:
    providers = {**app.offers("engine_providers"), "anthropic": anthropic(AnthropicSettings())}
    app.offers.keep("engine_providers", providers)
    made = owner.client.post("/engines", {**OWN, "name": "Far", "base_url": "https://models.example/v1", "api_key": "k"}).data
    answers = [owner.client.post("/engines", {**OWN, "provider": provider, "base_url": address})]
    if provider == made["provider"]:
        answers.append(owner.client.patch(f"/engines/{made['id']}", {"base_url": address, "api_key": "k"}))
    for answer in answers:
        assert answer.codes == {"base_url": ["url_not_allowed"]}
        assert f"{setting}.allowed_networks" in answer.body["errors"]["base_url"][0]["message"]


@pytest.mark.parametrize("provider", [openai, anthropic])
def test_this_machine_is_open_to_engines_only_where_nobody_else_reaches_the_server(provider: Any) -> None:
    settings = OpenAISettings() if provider is openai else AnthropicSettings()
    for address in ("http://127.0.0.1:11434/v1", "http://localhost:8080/v1", "http://[::1]:8000"):
        assert provider(settings, with_loopback=True).closed(address) is None
        assert "allowed_networks" in provider(settings).closed(address)


def test_a_provider_whose_package_is_missing_is_refused_with_what_to_install(app: Any, owner: Any) -> None:
    absent = replace(anthropic(AnthropicSettings()), missing=partial(missing, "no_such_package", extra="anthropic"))
    app.offers.keep("engine_providers", {**app.offers("engine_providers"), "anthropic": absent})
    answer = owner.client.post("/engines", {"name": "C", "provider": "anthropic", "model": "m", "api_key": "k"})
    assert answer.codes == {"provider": ["invalid_choice"]}
    assert "pip install 'aasim[anthropic]'" in answer.body["errors"]["provider"][0]["message"]


def test_a_parameter_that_the_provider_makes_itself_is_refused(owner: Any) -> None:
    answer = owner.client.post("/engines", {**OWN, "default_parameters": {"tool_choice": "auto"}})
    assert answer.codes == {"default_parameters": ["invalid_format"]}
    assert "tool_choice cannot be set" in answer.body["errors"]["default_parameters"][0]["message"]
