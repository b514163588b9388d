"""Paths: which texts name a step, and how they are read."""

import pytest

from aasim_plugins.executions.paths import BadPath, Segment, join, parse


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("fetch", (Segment("fetch"),)),
        ("load[17].parse", (Segment("load", item=17), Segment("parse"))),
        ("review#2", (Segment("review", repetition=2),)),
        ("load[0]#10", (Segment("load", item=0, repetition=10),)),
        ("a.b.c.d.e", tuple(map(Segment, "abcde"))),
        ("load[999999999]#999999999", (Segment("load", 999_999_999, 999_999_999),)),
        ("a" * 40, (Segment("a" * 40),)),
    ],
)
def test_a_path_is_read_and_written_back(text: str, segments: tuple[Segment, ...]) -> None:
    assert parse(text) == segments
    assert join(segments) == text


@pytest.mark.parametrize(
    "text",
    [
        "", ".", "a.", ".a", "a..b", "A", "1a", "_a", "a-b", "a b", "ä", "a" * 41,
        "a[]", "a[-1]", "a[01]", "a[x]", "a[1][2]", "a[1000000000]", "a[१]",
        "a#", "a#0", "a#1", "a#02", "a#1000000000", "a#2[3]", "a\n",
    ],
)  # fmt: skip
def test_what_is_no_path_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(BadPath, match=r"write an id, as in fetch, load\[17\] or review#2"):
        parse(text)


def test_a_path_is_at_most_five_deep() -> None:
    with pytest.raises(BadPath, match=r"at most 5 deep; this one is 6 deep: a\.b\.c"):
        parse("a.b.c.d.e.f")


def test_a_path_has_at_most_400_bytes() -> None:
    with pytest.raises(BadPath, match="at most 400 bytes"):
        parse("ä" * 201)
    with pytest.raises(BadPath, match="is no segment"):
        parse("ä" * 200)


def test_the_longest_path_fits() -> None:
    deepest = ".".join(["a" * 40 + "[999999999]#999999999"] * 5)
    assert len(parse(deepest)) == 5
