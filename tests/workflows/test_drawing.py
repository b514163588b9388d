"""Graphs for people: samples are drawn as they were, no name does harm, and boxes do not overlap."""

import random
import re
from collections.abc import Iterator, Mapping
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from aasim_core.testing.world import Person, World
from aasim_plugins.workflows import drawing
from aasim_plugins.workflows.drawing.layout import LONGEST_LABEL, LONGEST_NAME, Box, Drawing, cut
from aasim_plugins.workflows.drawing.layout import drawing as laid_out
from aasim_plugins.workflows.drawing.outline import arrows, name_of
from aasim_plugins.workflows.drawing.svg import PIXELS
from aasim_plugins.workflows.validation import tree

from .conftest import node
from .drawn.samples import FOLDER, SAMPLES, forms
from .graphs.random_graphs import Generator
from .validation.definition_bombs import BOMBS, bomb
from .validation.mangling import mangled

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = (
    '"]; click n0 call alert(1) %% \n end', "<script>alert(1)</script>", "]]><!ENTITY x SYSTEM 'file:///etc/passwd'>", "&amp;#quot;",
    "a\x01\x0b\ufffe\u202e", "</title><image href='//evil.example/'/>", "{{{{", '|"| n1 --> n2', "subgraph x", "`**b**`", "\\n",
)  # fmt: skip
#: All that an image may consist of.
TAGS = {"svg", "title", "marker", "path", "rect", "g", "text"}
ATTRIBUTES = set(
    "viewBox width height role font-family font-size id refX refY markerWidth markerHeight orient d fill fill-opacity stroke "
    "stroke-dasharray marker-end x y rx transform text-anchor".split()
)
_LABEL = r'"(?:[\w .,:/()+?!=-]|#\d+;)*"'
MERMAID = re.compile(
    rf"flowchart TD|\s+(?:n\d+(?:\[{_LABEL}\]|\{{{_LABEL}\}}|\(\[{_LABEL}\]\))|subgraph n\d+\[{_LABEL}\]|end"
    rf"|n\d+ (?:-->|-\.->)(?:\|{_LABEL}\|)? n\d+)"
)


def parsed(text: str) -> ET.Element:
    """The image as an XML parser sees it."""
    return ET.fromstring(text)  # noqa: S314 - it is ours, and of bounded size


def definition(*nodes: Mapping[str, Any], edges: Any = ()) -> dict[str, Any]:
    return {"language": 1, "nodes": list(nodes), "edges": list(edges)}


@pytest.mark.parametrize(
    ("sample", "ending"), [(sample, ending) for sample in SAMPLES for ending in ("json", "mmd", "svg", "txt")]
)
def test_a_sample_is_drawn_as_it_was(sample: str, ending: str) -> None:
    kept = (FOLDER / f"{sample}.{ending}").read_text(encoding="utf-8")
    assert forms(sample)[ending] == kept, "look at the difference, and run: .venv/bin/python tests/workflows/drawn/samples.py"


def hostile() -> dict[str, Any]:
    """Nodes, bodies, types, outcomes and conditions with such names."""
    body = {"nodes": [node("inner", _name=HOSTILE[0])]}
    nodes = [{**node(f"n{number}"), "name": text, "type": text} for number, text in enumerate(HOSTILE)]
    edges = [{"from": f"n{number}", "to": "n0", "on": text, "condition": text} for number, text in enumerate(HOSTILE)]
    return definition(*nodes, node("loop", "foreach", _name=HOSTILE[1], body=body), edges=edges)


def test_an_image_holds_nothing_but_shapes_and_text_whatever_the_names_are() -> None:
    root = parsed(drawing.svg(tree.read(hostile()), HOSTILE[1]))
    for element in root.iter():
        assert element.tag.removeprefix(SVG) in TAGS
        assert set(element.attrib) <= ATTRIBUTES
        assert element.attrib.get("marker-end", "url(#arrow)") in ("url(#arrow)", "url(#error)")
    titles = {element.text for element in root.iter(f"{SVG}title")}
    assert {HOSTILE[1], f"{HOSTILE[1]} ({HOSTILE[1]})"} <= titles
    assert not any("\x01" in (title or "") for title in titles)


def test_a_flowchart_holds_nothing_but_nodes_and_edges_whatever_the_names_are() -> None:
    lines = drawing.mermaid(tree.read(hostile())).splitlines()
    assert [line for line in lines if not MERMAID.fullmatch(line)] == []
    assert len(lines) == 1 + len(HOSTILE) + 3 + len(HOSTILE) - 1


def boxes(drawn: Drawing) -> Iterator[Drawing]:
    yield drawn
    for box in drawn.boxes:
        if box.body is not None:
            yield from boxes(box.body)


def overlap(one: Box, other: Box) -> bool:
    return (
        one.x < other.x + other.width
        and other.x < one.x + one.width
        and one.y < other.y + other.height
        and other.y < one.y + one.height
    )


@pytest.mark.parametrize("seed", range(40))
def test_boxes_do_not_overlap_and_stand_within_what_they_are_in(seed: int) -> None:
    made = Generator(seed, 60).definition()
    dice = random.Random(seed)  # noqa: S311 - it plays dice
    ids = [each["id"] for each in made["nodes"]]
    made["edges"] += [{"from": dice.choice(ids), "to": dice.choice(ids), "on": "back"} for _ in range(seed % 5)]
    for drawn in boxes(laid_out(tree.read(made), PIXELS)):
        assert not [
            (one, other) for number, one in enumerate(drawn.boxes) for other in drawn.boxes[number + 1 :] if overlap(one, other)
        ]
        for box in drawn.boxes:
            assert 0 <= box.x <= drawn.width - box.width and 0 <= box.y <= drawn.height - box.height
            assert box.body is None or (box.body.width < box.width and box.body.height < box.height)


@pytest.mark.parametrize("seed", range(10))
def test_a_drawing_with_characters_has_each_name_and_each_label(seed: int) -> None:
    """Those that find no place beside their lines stand below."""
    graph = tree.read(Generator(seed, 30).definition())
    drawn = drawing.text(graph)
    assert drawn is not None
    for scope in graph.within():
        names = [cut(name_of(each), LONGEST_NAME) for each in scope.nodes]
        labels = [cut(arrow.label, LONGEST_LABEL) for arrow in arrows(scope)]
        assert [text for text in (*names, *labels) if text not in drawn] == []


def test_a_drawing_with_characters_has_none_that_a_terminal_obeys() -> None:
    drawn = drawing.text(tree.read(definition(node("n", _name="\x1b[2J\u202eevil"), node("m", _name="\x9b31m"))))
    assert drawn is not None
    assert drawn.replace("\n", "").isprintable() and "\ufffd[2J\ufffdevil" in drawn


def test_lines_that_are_too_long_to_draw_with_characters_are_refused(owner: Person) -> None:
    nodes = [node(f"n{number}") for number in range(200)]
    edges = [{"from": f"n{a}", "to": f"n{b}"} for a in range(0, 200, 2) for b in range(a + 1, 200)]
    made = owner.client.post("/workflows", {"name": "Dense", "definition": definition(*nodes, edges=edges)}).data
    refused = owner.client.get(f"/workflows/{made['id']}/graph?format=text")
    assert (refused.status, refused.codes) == (409, {"_": ["invalid_state"]})


def test_an_edge_leads_from_the_lower_end_of_a_box_to_the_upper_end_of_another() -> None:
    drawn = laid_out(tree.read(SAMPLES["refunds"]), PIXELS)
    box_of = {box.node.id: box for box in drawn.boxes}
    ends = [(line.points[0], line.points[-1]) for line in drawn.lines]
    fetch, judge = box_of["fetch"], box_of["judge"]
    assert ends[0] == ((fetch.x + fetch.width // 2, fetch.y + fetch.height), (judge.x + judge.width // 2, judge.y))
    assert all(start[1] < end[1] for start, end in ends)


@pytest.mark.long
def test_what_is_large_is_drawn_in_bounds() -> None:
    nodes = [node(f"n{number}", _name="W" * 120) for number in range(200)]
    edges = [{"from": f"n{a}", "to": f"n{b}"} for a in range(200) for b in range(a + 1, 200)]
    whole = drawing.svg(tree.read(definition(*nodes, edges=edges)), "Large")
    assert len(whole) < 6_000_000
    assert len(parsed(whole).findall(f".//{SVG}path")) == len(edges) + 2


@pytest.mark.long
@pytest.mark.parametrize("seed", range(4))
def test_a_definition_that_is_nearly_right_is_drawn_as_far_as_it_can_be_read(seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - it plays dice
    for _ in range(200):
        graph = tree.read(mangled(dice))
        parsed(drawing.svg(graph, "Mangled"))
        assert all(MERMAID.fullmatch(line) for line in drawing.mermaid(graph).splitlines())
        assert len(drawing.outline(graph)["nodes"]) == drawing.size_of(graph)


# The endpoint.


@pytest.fixture
def workflow(owner: Person) -> dict[str, Any]:
    """The first sample, as a draft."""
    body = {"name": "Refunds & more", "definition": {"language": 1, **SAMPLES["refunds"]}}
    return dict(owner.client.post("/workflows", body).data)


def test_a_graph_is_read_as_data(owner: Person, workflow: dict[str, Any]) -> None:
    graph = owner.client.get(f"/workflows/{workflow['id']}/graph").data
    assert graph["nodes"][0] == {"path": "nodes.fetch", "id": "fetch", "name": "Fetch the order", "type": "http", "loop": None}
    assert graph["edges"][0] == {"from": "fetch", "to": "judge", "on": "done", "condition": None, "loop": None}


def test_a_graph_is_read_as_a_flowchart_and_as_an_image(owner: Person, workflow: dict[str, Any]) -> None:
    path = f"/workflows/{workflow['id']}/graph?format="
    flowchart, image = owner.client.get(f"{path}mermaid"), owner.client.get(f"{path}svg")
    assert (flowchart.headers["Content-Type"], flowchart.body) == ("text/plain; charset=utf-8", forms("refunds")["mmd"])
    assert (image.headers["Content-Type"], image.headers["Content-Security-Policy"]) == (
        "image/svg+xml; charset=utf-8", "default-src 'none'; sandbox",
    )  # fmt: skip
    assert parsed(image.body).find(f"{SVG}title").text == "Refunds & more"  # type: ignore[union-attr]


def test_a_version_has_its_own_graph(owner: Person, workflow: dict[str, Any]) -> None:
    path = f"/workflows/{workflow['id']}"
    owner.client.patch(path, {"definition": definition(node("only"))})
    assert [len(owner.client.get(f"{path}/graph{query}").data["nodes"]) for query in ("", "?version=1")] == [1, 7]
    assert owner.client.get(f"{path}/graph?version=9").status == 422
    assert owner.client.get(f"{path}/graph?format=png").status == 400


@pytest.mark.long
@pytest.mark.parametrize("form", ["json", "mermaid", "svg", "text"])
def test_any_draft_is_drawn_or_refused(owner: Person, form: str) -> None:
    for name in BOMBS:
        made = owner.client.post("/workflows", {"name": f"Bomb {name}", "definition": bomb(name)})
        if made.status == 201:
            assert owner.client.get(f"/workflows/{made.data['id']}/graph?format={form}").status in (200, 409)


def test_a_draft_that_is_too_large_is_not_drawn(owner: Person) -> None:
    made = owner.client.post("/workflows", {"name": "Large", "definition": definition(*(node(f"n{n}") for n in range(201)))})
    refused = owner.client.get(f"/workflows/{made.data['id']}/graph?format=svg")
    assert (refused.status, refused.codes) == (409, {"_": ["invalid_state"]})


def test_who_may_not_read_workflows_sees_no_graph(world: World, owner: Person, workflow: dict[str, Any]) -> None:
    stranger = world.organization("Other")
    assert stranger.client.get(f"/workflows/{workflow['id']}/graph").status == 404
