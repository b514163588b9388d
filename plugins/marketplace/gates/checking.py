"""Check a listing by all gates: each problem with its path in the listing, and what to write instead."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from aasim_core.error_codes import ErrorCode
from aasim_core.errors import Invalid, Problem

from ...executions.hookspecs import EFFECTS
from .decoding import Patience
from .hidden_characters import hidden_in
from .secrets import has_secret
from .texts import texts_in

SECRET_FOUND = ErrorCode(
    "secret_found", 422, "the text has a secret in it, plainly or encoded", "take it out, and let buyers connect their own app",
    example="There is a secret in this text. Take it out, and replace it where it was used, since others may have seen it.",
    field="agent.instructions",
)  # fmt: skip
HIDDEN_TEXT = ErrorCode(
    "hidden_text", 422, "the text has characters that people do not see", "write the text without them",
    example="There is U+202E RIGHT-TO-LEFT OVERRIDE at character 12, which people do not see. Remove it.", field="description",
)  # fmt: skip
LOOK_ALIKE_TITLE = ErrorCode(
    "look_alike_title", 422, "another seller's listing has a title that looks the same", "choose a title of your own",
    example='This looks like "Invoice reader" of another seller. Choose another title.', field="title",
)  # fmt: skip
EFFECTS_UNDERSTATED = ErrorCode(
    "effects_understated", 422, "tools of the agent do more than the listing states", "state all effects, or take the tools off",
    example="The agent's tools also send. Write read, send, or leave effects out.", field="effects",
)  # fmt: skip
CODES = (SECRET_FOUND, HIDDEN_TEXT, LOOK_ALIKE_TITLE, EFFECTS_UNDERSTATED)


def refuse_flaws(
    terms: Mapping[str, Any], document: Mapping[str, Any], stated: Sequence[str] | None, found: Sequence[str]
) -> None:
    """Invalid for secrets, hidden characters, and effects that are `found` and not `stated`; None states them all."""
    problems: dict[str, list[Problem]] = {}
    for path, problem in (*_flaws_of_texts({**terms, "agent": document}), *_understated(stated, found)):
        problems.setdefault(path, []).append(problem)
    if problems:
        raise Invalid(problems)


def _flaws_of_texts(value: Any) -> Iterator[tuple[str, Problem]]:
    patience = Patience()
    for path, text in texts_in(value, ""):
        hidden = hidden_in(text)
        if hidden is not None:
            yield path, Problem(HIDDEN_TEXT, f"There is {hidden}, which people do not see. Remove it.")
        if has_secret(text, patience):
            advice = (
                "Take it out, and replace it where it was used, since others may have seen it; buyers connect their own apps."
            )
            yield path, Problem(SECRET_FOUND, f"There is a secret in this text. {advice}")


def _understated(stated: Sequence[str] | None, found: Sequence[str]) -> Iterator[tuple[str, Problem]]:
    more = [effect for effect in found if stated is not None and effect not in stated]
    if more:
        every = ", ".join(effect for effect in EFFECTS if effect in {*(stated or ()), *found})
        message = f"The agent's tools also {', '.join(more)}. Write {every}, or leave effects out."
        yield "effects", Problem(EFFECTS_UNDERSTATED, message)
