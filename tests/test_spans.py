"""Spans are made only where a plugin receives them, nest as what is done does, and break nothing."""

from collections.abc import Sequence

import pytest

from aasim_core.context import SYSTEM, acting_as, current_traceparent, organization_scope, system_scope
from aasim_core.spans import OFF, Span, SpanReceiver, Spans

TRACE, CALLER = "a" * 32, "b" * 16
TRACEPARENT = f"00-{TRACE}-{CALLER}-01"


def spans(told: list[Span], **more: object) -> Spans:
    """Those of an app with one receiver, whose plugin is on for the organization acme only."""
    receiver = SpanReceiver("mine", told.append, **more)  # type: ignore[arg-type]
    return Spans((("mine", receiver),), lambda organization_id, plugin: organization_id == "acme")


def test_without_a_receiver_no_span_is_made() -> None:
    with organization_scope("acme"):
        assert Spans().begin("work", "nothing") is OFF
    with organization_scope("other"):
        assert spans([]).begin("work", "nothing") is OFF
    with system_scope("nobody's"):
        assert spans([]).begin("work", "nothing") is OFF


def test_a_span_is_within_the_one_in_whose_block_it_begins_and_in_the_trace_of_whoever_asked() -> None:
    told: list[Span] = []
    with organization_scope("acme"), acting_as(SYSTEM, traceparent=TRACEPARENT):
        with spans(told).begin("work", "outer", size=3):
            within = current_traceparent()
            with spans(told).begin("work", "inner"):
                pass
        assert current_traceparent() == TRACEPARENT
    inner, outer = told
    assert (inner.parent_id, outer.parent_id, within) == (outer.id, CALLER, f"00-{TRACE}-{outer.id}-01")
    assert (inner.trace_id, outer.trace_id, outer.facts) == (TRACE, TRACE, {"size": 3})
    assert outer.started_at <= inner.started_at <= inner.ended_at <= outer.ended_at


def test_what_fails_is_told_with_its_kind() -> None:
    told: list[Span] = []
    with organization_scope("acme"), pytest.raises(LookupError), spans(told).begin("work", "fails"):
        raise LookupError
    assert told[0].error == "LookupError"


@pytest.mark.parametrize(("traceparent", "sampled"), [(TRACEPARENT, 1), (f"00-{TRACE}-{CALLER}-00", 0), (None, 0)])
def test_the_sender_of_a_trace_decides_whether_it_is_sampled_and_else_the_receiver(traceparent: str | None, sampled: int) -> None:
    told: list[Span] = []
    mine = spans(told, samples=lambda trace_id: False)
    asking = acting_as(SYSTEM, traceparent=traceparent)
    with organization_scope("acme"), asking, mine.begin("work", "outer"), mine.begin("work", "inner"):
        assert (current_traceparent() or "")[-2:] == f"0{sampled}"
    assert len(told) == 2 * sampled


def test_what_goes_on_in_several_places_is_one_span() -> None:
    told: list[Span] = []
    mine = spans(told)
    with organization_scope("acme"):
        seen = []
        for _ in range(2):
            with mine.scope_of("exec_1", TRACEPARENT):
                seen.append(current_traceparent())
        mine.tell("run", "Clerk", "exec_1", TRACEPARENT, (5, 9), {"kind": "agent"}, None)
    (span,) = told
    assert seen == [f"00-{TRACE}-{span.id}-01"] * 2
    assert (span.parent_id, span.started_at, span.ended_at) == (CALLER, 5, 9)


def test_a_receiver_that_fails_hurts_nobody() -> None:
    def fail(span: Span) -> Sequence[object]:
        raise ValueError

    told: list[Span] = []
    receivers = (("mine", SpanReceiver("broken", fail)), ("mine", SpanReceiver("good", told.append)))
    with organization_scope("acme"), Spans(receivers, lambda *_: True).begin("work", "done"):
        pass
    assert [span.name for span in told] == ["done"]
