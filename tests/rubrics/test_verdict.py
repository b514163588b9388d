"""From scores to verdicts, and what holds whatever the scores are."""

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from aasim_plugins.rubrics.verdict import AGGREGATIONS, Mark, Outcome, Rule, outcome_of, worst

_SCORES = st.one_of(st.none(), st.sampled_from([0.0, 0.25, 0.5, 0.7, 0.75, 1.0]))
_MARKS = st.lists(st.builds(Mark, st.sampled_from([0.1, 0.2, 0.3, 0.5]), _SCORES, st.booleans()), min_size=1, max_size=6)
_RULES = st.builds(Rule, st.sampled_from(AGGREGATIONS), st.sampled_from([0.0, 0.5, 0.7, 1.0]), st.sampled_from([0.0, 0.5, 1.0]))


@pytest.mark.parametrize(
    ("marks", "rule", "outcome"),
    [
        ([Mark(0.5, 1.0), Mark(0.5, 0.5)], Rule(), Outcome("pass", 0.75, 1.0)),
        ([Mark(0.5, 1.0), Mark(0.5, 0.2)], Rule(), Outcome("fail", 0.6, 1.0)),
        ([Mark(0.5, 1.0), Mark(0.5, 0.5)], Rule("min"), Outcome("fail", 0.5, 1.0)),
        ([Mark(0.6, 1.0), Mark(0.4, 0.5)], Rule("all"), Outcome("fail", 0.6, 1.0)),
        ([Mark(0.6, 0.9), Mark(0.4, 0.7)], Rule("all"), Outcome("pass", 1.0, 1.0)),
        ([Mark(0.9, 1.0), Mark(0.1, 0.0, must_pass=True)], Rule(), Outcome("fail", 0.9, 1.0)),
        ([Mark(0.4, 1.0), Mark(0.6, None)], Rule(), Outcome("unscored", 1.0, 0.4)),
        ([Mark(0.5, None)], Rule(min_coverage=0), Outcome("unscored", None, 0.0)),
        ([Mark(0.8, 1.0), Mark(0.2, None)], Rule(), Outcome("pass", 1.0, 0.8)),
        ([Mark(0.6, 1.0), Mark(0.4, None)], Rule(), Outcome("review", 1.0, 0.6)),
        ([Mark(0.6, 0.1), Mark(0.4, None)], Rule(), Outcome("fail", 0.1, 0.6)),
        ([Mark(0.8, 1.0), Mark(0.2, None, must_pass=True)], Rule(), Outcome("review", 1.0, 0.8)),
        ([Mark(0.2, 0.0, must_pass=True), Mark(0.8, None)], Rule(), Outcome("fail", 0.0, 0.2)),
    ],
)
def test_a_verdict_follows_from_the_marks_and_the_rule(marks: list[Mark], rule: Rule, outcome: Outcome) -> None:
    assert outcome_of(marks, rule) == outcome


@pytest.mark.long
@given(_MARKS, _RULES)
def test_an_abstention_is_not_a_zero_and_the_score_is_that_of_the_others(marks: list[Mark], rule: Rule) -> None:
    scored = [mark for mark in marks if mark.score is not None]
    assume(scored)
    assert outcome_of(marks, rule).score == outcome_of(scored, rule).score


@pytest.mark.long
@given(_MARKS, _RULES, st.sampled_from([0.0, 0.5, 1.0]))
def test_what_passed_or_failed_stays_so_whatever_the_missing_scores_are(marks: list[Mark], rule: Rule, score: float) -> None:
    before = outcome_of(marks, rule).verdict
    after = outcome_of([replace(mark, score=score) if mark.score is None else mark for mark in marks], rule).verdict
    assert before not in ("pass", "fail") or after == before


@pytest.mark.long
@given(_MARKS, _RULES)
def test_a_review_can_still_become_either(marks: list[Mark], rule: Rule) -> None:
    completed = [[replace(mark, score=end) if mark.score is None else mark for mark in marks] for end in (0.0, 1.0)]
    ends = [outcome_of(each, rule).verdict for each in completed]
    assert outcome_of(marks, rule).verdict != "review" or ends == ["fail", "pass"]


@pytest.mark.long
@given(_MARKS, _RULES)
def test_scores_without_abstentions_pass_or_fail(marks: list[Mark], rule: Rule) -> None:
    scored = [replace(mark, score=mark.score or 0.0) for mark in marks]
    assert outcome_of(scored, rule).verdict in ("pass", "fail")


@pytest.mark.long
@given(_MARKS, _RULES, st.data())
def test_a_better_mark_never_makes_the_verdict_worse(marks: list[Mark], rule: Rule, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(marks) - 1))
    assume(marks[place].score is not None)
    better = [replace(mark, score=1.0) if number == place else mark for number, mark in enumerate(marks)]
    before, after = outcome_of(marks, rule), outcome_of(better, rule)
    assert worst([before.verdict, after.verdict]) == before.verdict or before.verdict == "unscored"


@pytest.mark.long
@given(_MARKS, _RULES)
def test_the_order_and_the_unit_of_weights_do_not_matter(marks: list[Mark], rule: Rule) -> None:
    doubled = [replace(mark, weight=2 * mark.weight) for mark in reversed(marks)]
    assert outcome_of(doubled, rule).verdict == outcome_of(marks, rule).verdict


@pytest.mark.long
@given(_MARKS, _RULES)
def test_score_and_coverage_are_shares(marks: list[Mark], rule: Rule) -> None:
    outcome = outcome_of(marks, rule)
    assert 0 <= outcome.coverage <= 1
    assert outcome.score is None or 0 <= outcome.score <= 1
