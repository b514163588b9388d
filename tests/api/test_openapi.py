"""The OpenAPI document says what the API does, and is a valid document."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from openapi_spec_validator import validate

from aasim_core.app import App
from aasim_core.openapi.later_values import LATER


def operations(whole: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Each operation by its id."""
    for path in whole["paths"].values():
        yield from ((described["operationId"], described) for method, described in path.items() if method != "parameters")


def named(whole: Mapping[str, Any], operation_id: str) -> Any:
    return dict(operations(whole))[operation_id]


def headers_of(whole: Mapping[str, Any], operation_id: str) -> set[str]:
    """The headers that a request can have."""
    references = [one.get("$ref", "") for one in named(whole, operation_id)["parameters"]]
    components = [whole["components"]["parameters"][one.rpartition("/")[2]] for one in references if one]
    return {one["name"] for one in components}


def parts(value: Any) -> Iterator[Any]:
    """The value, and everything in it."""
    yield value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for each in inner:
        yield from parts(each)


@pytest.mark.long
def test_document_is_valid_openapi(whole: dict[str, Any]) -> None:
    validate(whole)


def test_every_endpoint_is_in_the_document(app: App, whole: dict[str, Any]) -> None:
    documented = {(method.upper(), path) for path, found in whole["paths"].items() for method in found if method != "parameters"}
    assert documented == {(endpoint.method, f"/api/v1{endpoint.template}") for endpoint in app.endpoints if endpoint.in_api}


def test_every_operation_has_a_permission_a_summary_a_description_and_a_declared_tag(whole: dict[str, Any]) -> None:
    tags = {tag["name"] for tag in whole["tags"] if tag["description"]}
    for name, operation in operations(whole):
        assert operation["x-permission"], name
        assert operation["summary"].endswith((".", "?")), name
        assert operation["description"], name
        assert "``" not in operation["description"] and "`" not in operation["summary"], name
        assert set(operation["tags"]) <= tags, name


def test_operations_are_named_by_resource_and_verb(whole: dict[str, Any]) -> None:
    names = Counter(name for name, _ in operations(whole))
    assert [name for name, count in names.items() if count > 1] == []
    assert {
        "agents_list", "agents_read", "agents_create", "agents_replace", "agents_update", "agents_delete", "agents_execute",
        "agents_export", "agents_versions_list", "agents_versions_restore", "auth_login", "activities_verify",
    } <= names.keys()  # fmt: skip


def test_every_operation_that_answers_with_data_declares_its_schema(app: App) -> None:
    silent = [e.operation_id for e in app.endpoints if e.in_api and e.operation.reply is None and not e.operation.plain]
    assert silent == []


def test_no_patch_schema_has_a_default(whole: dict[str, Any]) -> None:
    schemas = whole["components"]["schemas"]
    patches = {name: schema for name, schema in schemas.items() if name.endswith(("Patch", "Members"))}
    assert len(patches) > 15
    assert [
        name for name, schema in patches.items() for part in parts(schema) if isinstance(part, dict) and "default" in part
    ] == []
    assert [name for name, schema in patches.items() if "required" in schema] == []


def test_bodies_are_closed_and_answers_are_open(whole: dict[str, Any]) -> None:
    for name, schema in whole["components"]["schemas"].items():
        if name.endswith(("In", "Patch", "Members")):
            assert schema["additionalProperties"] is False, name
        elif schema.get("type") == "object":
            assert schema.get("additionalProperties", True) is not False, name


def test_what_clients_do_not_set_may_have_a_value_of_a_later_release_and_the_rest_can_be_sent_as_it_was_read(
    whole: dict[str, Any],
) -> None:
    schemas = whole["components"]["schemas"]
    status, period = (
        schemas["executions.ExecutionOut"]["properties"]["status"],
        schemas["budgets.BudgetOut"]["properties"]["period"],
    )
    assert LATER in status["anyOf"] and LATER in schemas["Problem"]["properties"]["code"]["anyOf"]
    assert period["$ref"] == schemas["budgets.BudgetIn"]["properties"]["period"]["$ref"]
    assert LATER not in parts([schema for name, schema in schemas.items() if name.endswith(("In", "Patch"))])


def test_envelopes_and_refusals_are_named_components(whole: dict[str, Any]) -> None:
    for name, operation in operations(whole):
        for status, answer in operation["responses"].items():
            if int(status) >= 400:
                assert answer.keys() == {"$ref"}, (name, status)
            elif "application/json" in answer.get("content", {}) and "openapi" not in name:
                assert answer["content"]["application/json"]["schema"].keys() == {"$ref"}, (name, status)
    schemas = [answer["content"]["application/json"]["schema"] for answer in whole["components"]["responses"].values()]
    assert {schema["$ref"] for schema in schemas} == {"#/components/schemas/Failure"}


def test_choices_are_components_that_parameters_share(whole: dict[str, Any]) -> None:
    inline = [name for name, operation in operations(whole) for part in parts(operation["parameters"]) if has_words(part)]
    assert inline == []
    status = {"$ref": "#/components/schemas/agents.AgentStatus"}
    parameters = {one["name"]: one["schema"] for one in named(whole, "agents_list")["parameters"] if "name" in one}
    assert parameters["status"] == status == parameters["status[in]"]["items"]
    assert whole["components"]["schemas"]["agents.AgentIn"]["properties"]["status"]["$ref"] == status["$ref"]


def test_the_words_of_lists_are_constants_which_are_literals_in_clients(whole: dict[str, Any]) -> None:
    schemas = whole["components"]["schemas"]
    assert schemas["agents.AgentExpand"] == {"oneOf": [{"const": "project"}, {"const": "owner"}, {"const": "engine"}]}
    assert schemas["core.PaginationInclude"] == {"const": "total"}
    assert not [name for name, shape in schemas.items() if "enum" in shape and name.endswith(("Field", "Expand", "Sort"))]
    parameters = {one["name"]: one for one in named(whole, "agents_list")["parameters"] if "name" in one}
    assert parameters["expand"]["description"].endswith(" One or more of `project`, `owner`, `engine`.")


def has_words(part: Any) -> bool:
    return isinstance(part, dict) and not part.keys().isdisjoint(("enum", "oneOf"))


def test_the_headers_that_an_operation_reads_are_declared(whole: dict[str, Any]) -> None:
    assert headers_of(whole, "agents_read") == {"X-Request-Id", "traceparent", "X-Organization-Id", "If-None-Match"}
    assert {"Prefer", "Idempotency-Key", "X-Organization-Id"} <= headers_of(whole, "agents_execute")
    assert {"If-Match"} <= headers_of(whole, "agents_update")
    assert {"Last-Event-ID"} <= headers_of(whole, "executions_logs_read")
    assert "X-Organization-Id" not in headers_of(whole, "auth_login")


@pytest.mark.parametrize(
    ("operation", "status", "headers"),
    [
        ("agents_create", "201", {"Location", "ETag", "RateLimit", "RateLimit-Policy", "X-Request-Id", "Idempotency-Replayed"}),
        ("agents_execute", "202", {"Location", "ETag", "Retry-After"}),
        ("agents_execute", "200", {"Preference-Applied", "ETag"}),
        ("agents_list", "200", {"Link", "RateLimit"}),
        ("activities_export", "200", {"Content-Disposition"}),
    ],
)
def test_the_headers_of_an_answer_are_declared(whole: dict[str, Any], operation: str, status: str, headers: set[str]) -> None:
    assert headers <= named(whole, operation)["responses"][status]["headers"].keys()


def test_refusals_declare_their_headers(whole: dict[str, Any]) -> None:
    responses = whole["components"]["responses"]
    assert "Retry-After" in responses["TooManyRequests"]["headers"]
    assert "Retry-After" in responses["ServiceUnavailable"]["headers"]
    assert "WWW-Authenticate" in responses["Unauthorized"]["headers"]


def test_only_answers_with_an_etag_can_be_not_modified(whole: dict[str, Any]) -> None:
    for name, operation in operations(whole):
        answers = operation["responses"]
        assert ("304" in answers) == (
            "ETag" in answers.get("200", {}).get("headers", {}) and "If-None-Match" in headers_of(whole, name)
        )
    assert "304" in named(whole, "agents_read")["responses"]
    assert "304" not in named(whole, "agents_versions_list")["responses"]


def test_a_path_that_is_too_long_is_declared_everywhere(whole: dict[str, Any]) -> None:
    assert [name for name, operation in operations(whole) if "414" not in operation["responses"]] == []


def test_every_body_and_answer_has_an_example_of_its_own(whole: dict[str, Any]) -> None:
    silent = [
        name
        for name, operation in operations(whole)
        for part in (operation.get("requestBody", {}), *operation["responses"].values())
        for media, content in part.get("content", {}).items()
        if media in ("application/json", "text/event-stream", "text/csv", "application/x-ndjson") and "example" not in content
    ]
    assert silent == ["openapi_json_read"]


def test_no_example_is_filler(whole: dict[str, Any]) -> None:
    told = [part for _, operation in operations(whole) for part in parts(examples_of(operation)) if is_filler(part)]
    assert told == []


def examples_of(operation: Any) -> list[Any]:
    bodies = (operation.get("requestBody", {}), *operation["responses"].values())
    return [content.get("example") for body in bodies for content in body.get("content", {}).values()]


def is_filler(value: Any) -> bool:
    return value == "text" or (isinstance(value, int) and abs(value) >= 2**53)


def test_the_document_lists_every_error_code_with_what_it_means(app: App, whole: dict[str, Any]) -> None:
    listed = whole["components"]["schemas"]["ErrorCode"]
    assert listed["enum"] == list(listed["x-enumDescriptions"]) == sorted(app.error_codes)
    assert listed["x-enumDescriptions"]["budget_exceeded"] == "the budget is used up: wait until it resets, or have it raised"


def test_an_operation_shows_the_codes_that_it_can_answer_with(whole: dict[str, Any]) -> None:
    reference = named(whole, "agents_execute")["responses"]["402"]["$ref"].rpartition("/")[2]
    examples = whole["components"]["responses"][reference]["content"]["application/json"]["examples"]
    assert list(examples) == ["budget_exceeded", "plan_limit_exceeded"]
    assert examples["budget_exceeded"]["value"]["errors"]["_"][0]["code"] == "budget_exceeded"


def test_no_text_of_a_query_string_can_be_null(whole: dict[str, Any]) -> None:
    nullable = [name for name, operation in operations(whole) for part in parts(operation["parameters"]) if is_nullable(part)]
    assert nullable == []


def is_nullable(part: Any) -> bool:
    return isinstance(part, dict) and (
        part.get("type") == "null" or "null" in (part["type"] if isinstance(part.get("type"), list) else ())
    )


def test_text_that_is_sent_has_no_control_characters(whole: dict[str, Any]) -> None:
    parameters = {one["name"]: one["schema"] for one in named(whole, "agents_list")["parameters"] if "name" in one}
    items = parameters["name[in]"]["items"]["pattern"]
    assert not re.search(items, "a\x00b") and not re.search(items, "a,b") and re.search(items, "a b")
    assert not re.search(whole["components"]["schemas"]["agents.AgentIn"]["properties"]["name"]["pattern"], " \t")


def test_a_chosen_password_is_documented_as_it_is_checked(whole: dict[str, Any]) -> None:
    password = whole["components"]["schemas"]["auth.RegisterIn"]["properties"]["password"]
    assert password["minLength"] == 12
    assert not re.search(password["pattern"], "tr0ub4dor\x85&3") and re.search(password["pattern"], "tr0ub4dor &3")


def test_free_json_says_where_it_cannot_be_null(whole: dict[str, Any]) -> None:
    schemas = whole["components"]["schemas"]
    assert schemas["executions.ExecuteIn"]["properties"]["input"]["not"] == {"type": "null"}
    assert "not" not in schemas["executions.ExecutionOut"]["properties"]["input"]


def test_what_can_be_waited_for_documents_both_answers(whole: dict[str, Any]) -> None:
    for name in ("agents_execute", "executions_retry"):
        assert {"200", "202"} <= named(whole, name)["responses"].keys(), name


def test_the_document_names_where_it_is_served(whole: dict[str, Any]) -> None:
    assert whole["servers"][0]["url"] == "/"
    assert whole["info"]["contact"]["name"]
