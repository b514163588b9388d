"""The OpenAPI document says what the API does, and is a valid document."""

from openapi_spec_validator import validate

from aasim_core.app import App
from aasim_core.http.openapi import document
from aasim_core.testing.world import World


def test_document_is_valid_openapi(app: App) -> None:
    validate(document(app))


def test_every_endpoint_is_in_the_document(app: App) -> None:
    paths = document(app)["paths"]
    documented = {(method.upper(), path) for path, operations in paths.items() for method in operations if method != "parameters"}
    assert documented == {(endpoint.method, f"/api/v1{endpoint.template}") for endpoint in app.endpoints}


def test_every_operation_tells_its_permission_and_a_summary(app: App) -> None:
    operations = [
        operation for path in document(app)["paths"].values() for name, operation in path.items() if name != "parameters"
    ]
    assert all(operation["x-permission"] and operation["summary"].endswith((".", "?")) for operation in operations)
    assert len({operation["operationId"] for operation in operations}) == len(operations)


def test_every_operation_that_answers_with_data_declares_its_schema(app: App) -> None:
    silent = [e.operation_id for e in app.endpoints if e.operation.reply is None and not e.operation.plain]
    assert silent == []


def test_reference_is_served_without_other_hosts(world: World) -> None:
    page = world.anonymous.get("/docs")
    assert page.status == 200 and "//" not in page.body.replace("<!doctype html>", "")
    for name in ("swagger-ui.css", "swagger-ui-bundle.js", "start.js"):
        assert world.anonymous.get(f"/docs/{name}").status == 200
    assert world.anonymous.get("/docs/other.js").codes == {"_": ["not_found"]}


def test_what_can_be_waited_for_documents_both_answers(app: App) -> None:
    paths = document(app)["paths"]
    for what in ("agents/{agent_id}/execute", "executions/{execution_id}/retry"):
        assert {"200", "202"} <= paths[f"/api/v1/{what}"]["post"]["responses"].keys(), what
