"""Query strings: what is read, and that nothing is guessed."""

import contextlib
import difflib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aasim_core.errors import Refused
from aasim_core.lists.paging import Filter
from aasim_core.lists.query import ListQuery, id_from_path, parse
from aasim_core.schemas.fields import Boolean, Choice, Id, Instant, Integer, Json, ListOf, Text
from aasim_core.schemas.schema import Schema

from ..user_code.tracing import traced


class AgentOut(Schema):
    id = Id("agent")
    name = Text(1, 120)
    status = Choice("active", "archived")
    number = Integer(allow_none=True)
    shared = Boolean()
    tags = ListOf(Text(1, 50))
    created_at = Instant()
    parameters = Json()


class ReturnQuery(Schema):
    tolerant = True
    state = Text(1, 50, required=True)


class LogQuery(Schema):
    after = Integer(0, load_default=0)
    format = Choice("json", "csv", required=True)


AGENTS = ListQuery(
    AgentOut(),
    filters=("name", "status", "number", "shared", "tags", "created_at"),
    sorts=("created_at", "name"),
    search=("name",),
)
DEFAULTS = {"limit": 25, "sort": ("-created_at",)}


def problems(query_string: str, declared: Schema | ListQuery | None = AGENTS) -> dict[str, str]:
    with pytest.raises(Refused) as caught:
        parse(query_string, declared)
    assert caught.value.status == 400
    return {name: found[0].code for name, found in caught.value.problems.items()}


def filters(query_string: str) -> list[Filter]:
    return list(AGENTS.question("/agents", parse(query_string, AGENTS)).filters)


def test_absent_parameters_have_their_defaults() -> None:
    assert parse("", AGENTS) == DEFAULTS


def test_values_are_typed() -> None:
    assert parse("limit=10&sort=-created_at,name&include=total&fields=id,name&q=two+words%21", AGENTS) == {
        "limit": 10,
        "sort": ("-created_at", "name"),
        "include": ["total"],
        "fields": ["id", "name"],
        "q": "two words!",
    }


@pytest.mark.parametrize(
    ("query_string", "expected"),
    [
        ("status=active", Filter("status", "eq", "active")),
        ("status[ne]=active", Filter("status", "ne", "active")),
        ("status%5Bin%5D=active%2Carchived", Filter("status", "in", ["active", "archived"])),
        ("number[gte]=-5", Filter("number", "gte", -5)),
        ("number[is_null]=false", Filter("number", "is_null", False)),
        ("shared=true", Filter("shared", "eq", True)),
        ("name[contains]=50%25", Filter("name", "contains", "50%")),
        ("created_at[lt]=2026-01-01T00:00:00%2B01:00", Filter("created_at", "lt", "2025-12-31T23:00:00.000Z")),
        ("created_at[in]=2026-01-01T00:00:00Z", Filter("created_at", "in", ["2026-01-01T00:00:00.000Z"])),
        ("tags=billing", Filter("tags", "contains", '"billing"')),
    ],
)
def test_filter_is_read_into_the_form_of_the_database(query_string: str, expected: Filter) -> None:
    assert filters(query_string) == [expected]


def test_a_list_is_sorted_by_three_fields_at_most() -> None:
    many = ListQuery(AgentOut(), sorts=("id", "name", "status", "number"))
    assert parse("sort=id,-name,status", many)["sort"] == ("id", "-name", "status")
    assert problems("sort=id,-name,status,number", many) == {"sort": "invalid_parameter"}


def test_filters_have_one_order_whatever_the_order_of_the_parameters() -> None:
    assert filters("status=active&name=x") == filters("name=x&status=active")


@pytest.mark.parametrize("value", ["0", "101", "-1", "1.0", "1e1", "1_0", "%EF%BC%91", "%D9%A3", "+1", "01", "", "ten", "true"])
def test_limit_is_ascii_digits_in_range(value: str) -> None:
    assert problems(f"limit={value}") == {"limit": "invalid_parameter"}


@pytest.mark.parametrize(
    "query_string",
    [
        "status=deleted",
        "shared=yes",
        "shared=True",
        "created_at=2026-01-01",
        "number=x",
        "sort=number",
        "sort=--name",
        "sort=",
        "sort=name,",
        "sort=name,name",
        "sort=name,-name",
        "sort=name,number",
        "fields=secret",
        "fields=id,id",
        "fields=",
        "include=totals",
        "include=total,total",
        "q=",
        "name=a%00b",
        "status[in]=",
        "status[in]=active,",
        "number[is_null]=1",
        "cursor=",
    ],
)
def test_malformed_value_is_refused(query_string: str) -> None:
    name = query_string.partition("=")[0]
    assert problems(query_string) == {name: "invalid_parameter"}


@pytest.mark.parametrize("query_string", ["limit=1&limit=1", "limit=1&%6Cimit=2", "status[in]=active&status[in]=archived"])
def test_repeated_parameter_is_refused(query_string: str) -> None:
    assert list(problems(query_string).values()) == ["invalid_parameter"]


@pytest.mark.parametrize(
    "query_string", ["a", "&", "limit=1&", "&limit=1", "=1", "limit=%", "limit=%4", "limit=%zz", "q=%ff", "q=%ed%a0%80"]
)
def test_malformed_query_string_is_refused(query_string: str) -> None:
    assert problems(query_string) == {"_": "invalid_parameter"}


@pytest.mark.parametrize("name", ["Limit", "status[eq]", "status[gt]", "shared[in]", "parameters", "page", "created_at[", "id"])
def test_unknown_parameter_is_refused(name: str) -> None:
    assert problems(f"{name}=1") == {name: "unknown_parameter"}


@pytest.mark.parametrize(
    ("query_string", "advice"),
    [
        ("limt=1", 'Did you mean "limit"?'),
        ("status[gt]=x", "There are status, status[ne], status[in]."),
        (
            "verbose=1",
            "The parameters are created_at, cursor, fields, include, limit, name, number, q, shared, sort, status, tags.",
        ),
    ],
)
def test_unknown_parameter_names_what_there_is(query_string: str, advice: str) -> None:
    with pytest.raises(Refused) as caught:
        parse(query_string, AGENTS)
    assert next(iter(caught.value.problems.values()))[0].message.endswith(advice)


def test_everything_that_is_wrong_is_reported_at_once() -> None:
    assert problems("limt=1&status=x&limit=0") == {
        "limt": "unknown_parameter",
        "status": "invalid_parameter",
        "limit": "invalid_parameter",
    }


def test_many_unknown_parameters_make_a_short_answer() -> None:
    assert len(problems("&".join(f"{'x' * 80}{n}=1" for n in range(500)))) <= 20


@pytest.mark.parametrize("name", ["statu{}", "statu"])
def test_unknown_parameters_are_compared_with_the_known_ones_no_more_often_than_they_are_told(name: str) -> None:
    few, many = ("&".join(f"{name.format(number)}=x" for number in range(count)) for count in (20, 2_000))
    assert traced(lambda: problems(many), difflib) == traced(lambda: problems(few), difflib)


def test_operation_without_a_query_takes_no_parameter() -> None:
    assert parse("", None) == {}
    assert problems("verbose=1", None) == {"verbose": "unknown_parameter"}


def test_schema_says_what_an_operation_takes() -> None:
    assert parse("format=csv", LogQuery()) == {"format": "csv", "after": 0}
    assert problems("after=-1", LogQuery()) == {"after": "invalid_parameter", "format": "invalid_parameter"}


def test_filter_by_a_field_that_has_no_order_or_equality_is_refused_at_start() -> None:
    with pytest.raises(TypeError, match="'parameters'"):
        ListQuery(AgentOut(), filters=("parameters",))


@given(text=st.text(max_size=60) | st.text(st.sampled_from("limtsauq[]=&%+,-09AFé"), max_size=40))
def test_no_query_string_raises_anything_but_a_refusal(text: str) -> None:
    for declared in (AGENTS, LogQuery(), None):
        with contextlib.suppress(Refused):
            parse(text, declared)


def test_number_in_a_path_is_read() -> None:
    assert id_from_path("12") == 12


@pytest.mark.parametrize("text", ["0", "01", "-1", "1.0", "x", "", "१", "1" * 19])
def test_anything_else_in_a_path_is_not_found(text: str) -> None:
    with pytest.raises(Refused) as caught:
        id_from_path(text)
    assert caught.value.code == "not_found"


def test_parameters_that_another_system_adds_are_left_alone_where_that_is_declared() -> None:
    assert parse("state=x&session_state=y&iss=https%3A%2F%2Fz", ReturnQuery()) == {"state": "x"}
    with pytest.raises(Refused):
        parse("state=x&state=y", ReturnQuery())
    with pytest.raises(Refused):
        parse("after=1&format=csv&iss=z", LogQuery())
