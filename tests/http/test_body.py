"""Reading bodies: framing, content type, and JSON as strict as it gets."""

import contextlib
import json
import time

import falcon
import pytest
from falcon import testing
from hypothesis import given
from hypothesis import strategies as st

from aasim_core.errors import Refused
from aasim_core.http.body import read_json, refuse_fields
from aasim_core.schemas.json_values import NO_BODY
from aasim_core.schemas.strict_json import MAX_DEPTH, nested_deeper, parse


def request(body: bytes | None = b"{}", content_type: str | None = "application/json", **headers: str) -> falcon.Request:
    given_headers = {name.replace("_", "-"): value for name, value in headers.items()}
    if content_type is not None:
        given_headers["Content-Type"] = content_type
    environ = testing.create_environ(method="POST", body=body or b"", headers=given_headers)
    if body is None:
        environ.pop("CONTENT_LENGTH", None)
    return falcon.Request(environ)


def code_of(body: bytes | None = b"{}", content_type: str | None = "application/json", **headers: str) -> str:
    with pytest.raises(Refused) as caught:
        read_json(request(body, content_type, **headers), 1000)
    return next(iter(caught.value.problems.values()))[0].code


def parse_code(raw: bytes) -> str:
    with pytest.raises(Refused) as caught:
        parse(raw)
    return next(iter(caught.value.problems.values()))[0].code


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "Application/JSON", "application/json; charset=utf-8", 'application/json;charset="UTF-8"'],
)
def test_json_in_utf_8_is_read(content_type: str) -> None:
    assert read_json(request('{"name": "Zoë"}'.encode(), content_type), 1000) == {"name": "Zoë"}


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "text/json",
        "application/x-www-form-urlencoded",
        "application/json; charset=latin-1",
        "application/merge-patch+json",
        "application/json, text/plain",
        "application/jsonp",
        'application/json; charset="utf-8',
        "application/json; profile=x",
    ],
)
def test_another_content_type_or_none_is_415(content_type: str | None) -> None:
    assert code_of(content_type=content_type) == "unsupported_media_type"


def test_a_compressed_body_is_415() -> None:
    assert code_of(Content_Encoding="gzip") == "unsupported_media_type"


def test_a_chunked_body_is_411() -> None:
    assert code_of(None, Transfer_Encoding="chunked") == "length_required"


def test_a_body_over_the_limit_is_413_and_is_not_read() -> None:
    req = request(b" " * 1001)
    with pytest.raises(Refused) as caught:
        read_json(req, 1000)
    assert caught.value.status == 413
    assert req.bounded_stream.read() == b" " * 1001


def test_a_body_that_ends_early_is_refused() -> None:
    environ = testing.create_environ(method="POST", body=b"{}", headers={"Content-Type": "application/json"})
    environ["CONTENT_LENGTH"] = "10"
    with pytest.raises(Refused, match="ended after 2 of 10 bytes"):
        read_json(falcon.Request(environ), 1000)


@pytest.mark.parametrize("body", [None, b""])
def test_no_body_is_told_from_null(body: bytes | None) -> None:
    assert read_json(request(body, content_type=None), 1000) is NO_BODY
    assert read_json(request(b"null"), 1000) is None


@pytest.mark.parametrize("value", [NO_BODY, {}])
def test_operation_without_a_body_takes_none_or_an_empty_object(value: object) -> None:
    refuse_fields(value)


@pytest.mark.parametrize(
    "raw",
    [
        b" ",
        b"{",
        b"[1,]",
        b"{'a': 1}",
        b'{"a": 1}x',
        b"01",
        b"1.",
        b".5",
        b"+1",
        b'"\t"',
        b'"\\x"',
        b"nul",
        b"True",
        b"// x\n1",
        b"\xef\xbb\xbf{}",
        b"\xff",
        b'"\xed\xa0\x80"',
        b"NaN",
        b"Infinity",
        b"[-Infinity]",
        b"\x0c1",
        b'{"a" 1}',
        b"{1: 2}",
        b'"open',
        b'"\\',
    ],
)
def test_what_is_not_json_is_malformed(raw: bytes) -> None:
    assert parse_code(raw) == "malformed_json"


def test_malformed_json_says_where() -> None:
    with pytest.raises(Refused, match="line 2, column 7"):
        parse(b'{"a": 1,\n "b": }')


@pytest.mark.parametrize("raw", [b'{"a":1,"a":2}', b'[{"x":{"a":1,"\\u0061":2}}]', b'{"":1,"":1}', b'{"a":1,"b":{"c":1},"a":1}'])
def test_a_key_that_stands_twice_is_refused(raw: bytes) -> None:
    assert parse_code(raw) == "duplicate_key"


@pytest.mark.parametrize("raw", [b'{"a":{"a":1},"b":[{"a":1},{"a":1}]}', b'{"a":1,"A":2}'])
def test_a_key_may_stand_in_several_objects(raw: bytes) -> None:
    assert parse(raw) == json.loads(raw)


@pytest.mark.parametrize(
    ("raw", "path", "code"),
    [
        (b'{"a": [1, 9223372036854775808]}', "a[1]", "out_of_range"),
        (b'{"a": -9223372036854775809}', "a", "out_of_range"),
        (b'{"a": 1' + b"0" * 5000 + b"}", "a", "out_of_range"),
        (b'{"a": 1e999}', "a", "out_of_range"),
        (b'{"a": {"b": "\\ud800"}}', "a.b", "invalid_characters"),
        (b'{"a": "\\udc00\\ud800"}', "a", "invalid_characters"),
        (b'{"\\udfff": 1}', "_", "invalid_characters"),
        (b'{"a": ["b", "\\u0000"]}', "a[1]", "invalid_characters"),
    ],
)
def test_what_cannot_be_kept_is_422_with_its_path(raw: bytes, path: str, code: str) -> None:
    with pytest.raises(Refused) as caught:
        parse(raw)
    assert caught.value.status == 422
    assert {path: code} == {path: problems[0].code for path, problems in caught.value.problems.items()}


def test_the_limits_themselves_are_kept() -> None:
    assert parse(b"[9223372036854775807, -9223372036854775808, 1.7e308]") == [2**63 - 1, -(2**63), 1.7e308]
    assert parse(b'"\\ud83d\\ude00"') == "😀"


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_nesting_is_counted_exactly(opening: bytes, closing: bytes) -> None:
    assert parse(opening * MAX_DEPTH + b"1" + closing * MAX_DEPTH) is not None
    assert parse_code(opening * (MAX_DEPTH + 1) + b"1" + closing * (MAX_DEPTH + 1)) == "nesting_too_deep"


def test_brackets_in_text_do_not_count_as_nesting() -> None:
    assert parse(json.dumps(["[" * 100 + '"' + "{" * 100, "\\"]).encode()) == ["[" * 100 + '"' + "{" * 100, "\\"]


def test_many_shallow_lists_are_not_deep() -> None:
    assert len(parse(b"[" + b"[[]]," * 1000 + b"[]]")) == 1001


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=5)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | TEXT, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner)
)


def depth(value: object) -> int:
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if children is None else 1 + max(map(depth, children), default=0)


@pytest.mark.long
@given(value=JSON, limit=st.integers(1, 4))
def test_depth_before_parsing_agrees_with_depth_after(value: object, limit: int) -> None:
    assert nested_deeper(json.dumps(value).encode(), limit) == (depth(value) > limit)


@pytest.mark.long
@given(value=JSON)
def test_what_python_writes_is_read_back(value: object) -> None:
    assert parse(json.dumps(value).encode()) == value


@given(raw=st.binary(max_size=60) | st.text(st.sampled_from('[]{}",:\\0123456789eEu.dD8\n aé'), max_size=60).map(str.encode))
def test_no_bytes_make_the_parser_raise_anything_but_a_refusal(raw: bytes) -> None:
    with contextlib.suppress(Refused):
        parse(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"[" * 1_000_000,
        b'"' + b'\\"' * 500_000,
        b'"' * 1_000_000,
        b'{"a":' * 200_000,
        b"[" + b"[]," * 300_000 + b"1]",
        b"\\" * 1_000_000,
        b'[{"a":"' * 150_000,
        b"]" * 1_000_000,
        b"[]" * 500_000,
        b"1" * 1_000_000,
    ],
)
def test_hostile_megabytes_take_linear_time(raw: bytes) -> None:
    began = time.thread_time()
    with contextlib.suppress(Refused):
        parse(raw)
    # Each takes some tenths at most, and in squared time minutes; between them is room for a collection of the whole heap.
    assert time.thread_time() - began < 5
