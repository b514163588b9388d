"""Rules about a plugin's parts for hooks of other plugins, and about its own hooks."""

import inspect
from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import Any

import jsonschema_rs

from ...plugins.failures import place_of
from ..parts import parts_of, shape_of
from .rule import Flaw, Rule
from .subject import Subject


def _flaw(advice: str, definition: Any = None) -> Flaw:
    return Flaw(advice, place_of(definition).strip(" ()"))


def _at(subject: Subject, hook: str) -> Any:
    return subject.declared.hooks.get(hook)


def _part_schemas(subject: Subject) -> Iterator[Flaw]:
    for part in parts_of(subject.declared):
        for name, schema in part.schemas.items():
            try:
                jsonschema_rs.validator_for(schema)
            except (ValueError, TypeError) as error:
                told = str(error).partition("\n")[0]
                yield _flaw(f"fix the JSON Schema {name} of {part.kind} {part.name}: {told}", _at(subject, part.kind))


def _part_titles(subject: Subject) -> Iterator[Flaw]:
    for part in parts_of(subject.declared):
        shape = shape_of(_kind(subject, part.kind))
        if (shape.title and not part.title.strip()) or (shape.summary and not part.summary.strip()):
            yield _flaw(
                f"give {part.kind} {part.name} a {'title' if shape.title else 'sentence that says what it is'}",
                _at(subject, part.kind),
            )


def _kind(subject: Subject, hook: str) -> type[Any]:
    return type(next(offer.value for offer in subject.declared.offers if offer.hook == hook))


def _part_prefixes(subject: Subject) -> Iterator[Flaw]:
    if not subject.declared.bundled:
        for part in parts_of(subject.declared):
            if not part.name.startswith(subject.name) and not part.name.startswith("aasim_"):
                yield _flaw(
                    f"begin the name of {part.kind} {part.name} with the plugin's: {subject.name}_{part.name}",
                    _at(subject, part.kind),
                )


def _offered_docs(subject: Subject) -> Iterator[Flaw]:
    for hook, function in subject.offered.items():
        if not inspect.getdoc(function):
            yield _flaw(f"write a docstring for the hook {hook}: it is the reference of those who implement it", function)


def _offered_shapes(subject: Subject) -> Iterator[Flaw]:
    for hook in subject.offered:
        kind = subject.kinds.get(hook)
        names = {one.name for one in fields(kind)} if kind else set()
        if kind and names & {"title", "about", "summary", "help"} and shape_of(kind) == shape_of(object):
            yield _flaw(f"say in {kind.__name__}.shown, a PartShape, what of the parts for {hook} is shown", kind)


PART_RULES: Sequence[Rule[Subject]] = (
    Rule(
        "part-schemas",
        "bronze",
        "Each JSON Schema of a part is valid.",
        "A form for the part cannot be shown, and what is written in it is not checked.",
        _part_schemas,
    ),
    Rule(
        "part-titles",
        "gold",
        "Each part has a title, or a sentence that says what it is.",
        "People choose among names that only programs understand.",
        _part_titles,
    ),
    Rule(
        "part-names",
        "gold",
        "The names of parts begin with the plugin's name, unless it is bundled.",
        "The plugin cannot be on together with a stranger's that has the same name.",
        _part_prefixes,
    ),
    Rule(
        "offered-hooks-documented",
        "gold",
        "Each hook that it offers has a docstring.",
        "Nobody can write a plugin for the hook.",
        _offered_docs,
    ),
    Rule(
        "offered-parts-shown",
        "gold",
        "The dataclasses of the hooks that it offers say in `shown` what of them is shown.",
        "What other plugins bring cannot be shown to people.",
        _offered_shapes,
    ),
)
