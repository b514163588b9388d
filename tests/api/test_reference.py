"""The interactive reference is served from this installation alone, and is found where people look for it."""

import falcon.testing
import pytest

from aasim_core.testing.world import World

FILES = ("swagger-ui.css", "swagger-ui-bundle.js", "start.js", "favicon.svg")


def test_reference_is_served_without_other_hosts(world: World) -> None:
    page = world.anonymous.get("/docs")
    assert page.status == 200 and "//" not in page.body.replace("<!doctype html>", "")
    for name in FILES:
        assert world.anonymous.get(f"/docs/{name}").status == 200
    assert world.anonymous.get("/docs/other.js").codes == {"_": ["not_found"]}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    ("path", "place"), [("/", "/api/v1/docs"), ("/docs", "/api/v1/docs"), ("/favicon.ico", "/api/v1/docs/favicon.svg")]
)
def test_what_people_and_browsers_ask_for_leads_to_the_reference(world: World, method: str, path: str, place: str) -> None:
    answer = falcon.testing.simulate_request(world.anonymous.wsgi, method, path)
    assert (answer.status_code, answer.headers["Location"]) == (308, place)


@pytest.mark.parametrize("path", ["/docs", "/openapi.json", *(f"/docs/{name}" for name in FILES)])
def test_head_works_for_the_reference_too(world: World, path: str) -> None:
    answer = falcon.testing.simulate_request(world.anonymous.wsgi, "HEAD", f"/api/v1{path}")
    assert answer.status_code == 200 and answer.content == b""


def test_the_reference_opens_with_a_list_of_tags_and_a_filter(world: World) -> None:
    start = world.anonymous.get("/docs/start.js").body
    assert 'docExpansion: "none"' in start and "filter: true" in start
