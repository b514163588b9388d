"""Workflows whose drawings are kept beside this file; write them anew with ``.venv/bin/python tests/workflows/drawn/samples.py``."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from aasim_plugins.workflows import drawing
from aasim_plugins.workflows.validation import tree

FOLDER = Path(__file__).parent


def _node(id_: str, type_: str, name: str = "", /, **config: Any) -> dict[str, Any]:
    return {"id": id_, "type": type_, "config": config, **({"name": name} if name else {})}


def _edges(*texts: str) -> list[dict[str, str]]:
    """Edges written ``a>b:outcome if condition``."""
    found = []
    for text in texts:
        ways, _, condition = text.partition(" if ")
        ends, _, on = ways.partition(":")
        edge = dict(zip(("from", "to"), ends.split(">"), strict=True))
        found.append(edge | ({"on": on} if on else {}) | ({"condition": condition} if condition else {}))
    return found


_POLL = {"nodes": [_node("look", "http"), _node("nap", "wait", "Wait a while")], "edges": _edges("look>nap")}
_ITEM = {
    "nodes": [
        _node("load", "http", "Load"),
        _node("check", "switch", "What is it?"),
        _node("book", "tool", "Book it"),
        _node("give_back", "tool", "Give it back"),
        _node("poll", "while", "Until it has come", body=_POLL),
    ],
    "edges": _edges("load>check", "check>book:goods", "check>give_back:otherwise", "book>poll", "give_back>poll"),
}
#: What is drawn, by the names of the files.
SAMPLES: Mapping[str, Mapping[str, Any]] = {
    "refunds": {
        "nodes": [
            _node("fetch", "http", "Fetch the order"),
            _node("judge", "agent", "Judge the complaint"),
            _node("large", "condition", "Is it more than the limit?"),
            _node("ask", "approval", "Ask the head of the department"),
            _node("pay", "tool", "Pay"),
            _node("sorry", "transform"),
            _node("tell", "emit_event", "Tell the shop"),
        ],
        "edges": _edges(
            "fetch>judge", "judge>large", "large>ask:true", "large>pay:false", "ask>pay:approved", "ask>sorry:rejected",
            "ask>sorry:expired", "fetch>sorry:error", "pay>tell if nodes.pay.output.amount > 10",
        ),
    },
    "loops": {
        "nodes": [
            _node("start", "parallel", "Begin"),
            _node("each", "foreach", "For each order", body=_ITEM),
            _node("other", "tool", "Something else"),
            _node("meet", "join", "Both are done"),
            _node("end", "end"),
        ],
        "edges": _edges("start>each", "start>other", "each>meet", "other>meet", "meet>end"),
    },
    "draft": {
        "nodes": [
            {"type": "tool", "name": "No id"},
            _node("a", "tool"),
            _node("a", "agent", "The same id"),
            _node("b", "no_such_type", "注文を読む、とても長い名前なので、全部は描かれない"),
            {"id": "c"},
            7,
            _node("d", "foreach", "A body that is none", body=[]),
        ],
        "edges": [*_edges("a>b", "b>c", "c>a", "b>b", "c>nowhere:error"), 7, {"from": 1}],
    },
}  # fmt: skip


def forms(name: str) -> Mapping[str, str]:
    """Every form of a sample, by the ending of its file."""
    graph = tree.read(SAMPLES[name])
    data = orjson.dumps(drawing.outline(graph), option=orjson.OPT_INDENT_2).decode()
    return {"json": f"{data}\n", "mmd": drawing.mermaid(graph), "svg": drawing.svg(graph, name), "txt": drawing.text(graph) or ""}


if __name__ == "__main__":
    for sample in SAMPLES:
        for ending, text in forms(sample).items():
            (FOLDER / f"{sample}.{ending}").write_text(text, encoding="utf-8")
