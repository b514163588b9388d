"""How far two raters agree, beyond chance; and comparing two evaluations."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aasim_plugins.rubrics.agreement import ENOUGH_LABELS, Agreement, agreement_of
from aasim_plugins.rubrics.evaluations.comparison import Comparison, Result, compare

PASS, FAIL = "pass", "fail"
_VERDICTS = st.sampled_from([PASS, FAIL])


def test_kappa_is_that_of_the_textbook() -> None:
    """Cohen's own way of counting: 20 and 15 together, 5 and 10 apart, of 50: (0.7 - 0.5) / (1 - 0.5)."""
    pairs = [(PASS, PASS)] * 20 + [(PASS, FAIL)] * 5 + [(FAIL, PASS)] * 10 + [(FAIL, FAIL)] * 15
    assert agreement_of(pairs) == Agreement(50, 0.7, 0.4)


def test_there_is_no_kappa_without_labels_or_where_chance_explains_everything() -> None:
    assert agreement_of([]) == Agreement(0, None, None)
    assert agreement_of([(PASS, PASS)] * 30) == Agreement(30, 1.0, None)


@pytest.mark.parametrize(
    ("agreement", "may_gate"),
    [
        (Agreement(ENOUGH_LABELS, 0.7, 0.59), False),
        (Agreement(ENOUGH_LABELS, 0.8, 0.6), True),
        (Agreement(ENOUGH_LABELS - 1, 0.0, -1.0), True),
        (Agreement(ENOUGH_LABELS, 1.0, None), True),
    ],
)
def test_a_judge_that_was_found_to_disagree_may_not_gate(agreement: Agreement, may_gate: bool) -> None:
    assert agreement.may_gate is may_gate


@given(st.lists(st.tuples(_VERDICTS, _VERDICTS), min_size=1, max_size=60))
def test_kappa_lies_between_minus_one_and_one_and_knows_no_sides(pairs: list[tuple[str, str]]) -> None:
    found = agreement_of(pairs)
    assert found == agreement_of([(other, one) for one, other in pairs])
    assert found.kappa is None or -1 <= found.kappa <= 1
    assert found.kappa is None or (found.kappa == 1) == (found.observed == 1)


def test_what_got_worse_and_better_is_told_worst_first() -> None:
    before = {"a": Result("pass", 0.9), "b": Result("pass", 0.8), "c": Result("fail", 0.1), "d": Result("pass", 1.0)}
    after = {"a": Result("fail", 0.2), "b": Result("pass", 0.7), "c": Result("pass", 0.9), "e": Result("pass", 1.0)}
    assert compare(before, after) == Comparison(worse=["a", "b"], better=["c"], unchanged=0, without_counterpart=2)


def test_a_run_without_output_is_worse_than_any_result() -> None:
    compared = compare({"a": Result("fail", 0.0)}, {"a": Result(None, None)})
    assert compared.worse == ["a"]


@given(st.dictionaries(st.sampled_from("abcdef"), st.builds(Result, st.sampled_from(["pass", "fail", None]), st.none())))
def test_nothing_changed_against_itself(results: dict[str, Result]) -> None:
    assert compare(results, results) == Comparison([], [], len(results), 0)
