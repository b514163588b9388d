"""Errors as answers: one envelope for all of them, and no word about our insides."""

import logging
from collections.abc import Callable
from copy import deepcopy

import falcon
import pytest
import structlog

from aasim_core.error_codes import CORE_CODES, ErrorCode
from aasim_core.errors import Invalid, Problem, Refused
from aasim_core.http.envelope import success

from .failing import get, problem, raising

pytestmark = pytest.mark.usefixtures("quiet")


def test_success_carries_data_and_message() -> None:
    assert success(b'{"a":1}', 'It is "done".') == b'{"success":true,"data":{"a":1},"message":"It is \\"done\\"."}'


@pytest.mark.parametrize("code", CORE_CODES)
def test_every_code_has_its_status_and_the_envelope(code: str) -> None:
    result = get(raising(Refused(code, "No.", meta={"limit": 3})))
    assert result.status_code == CORE_CODES[code].status
    assert result.headers["Content-Type"] == "application/json"
    assert problem(result)["code"] == code
    assert problem(result)["meta"]["limit"] == 3


def test_a_code_of_a_plugin_has_its_own_status() -> None:
    full = ErrorCode("notes_full", 409, "the book has no room", "delete a note", example="The book is full.")
    result = get(raising(Refused(full, "The book is full.")))
    assert (result.status_code, problem(result)["code"]) == (409, "notes_full")


@pytest.mark.parametrize("make", [lambda: Refused("notes_full", "Full."), lambda: Problem("notes_full", "Full.")])
def test_a_text_that_is_no_code_of_the_core_cannot_be_raised(make: Callable[[], object]) -> None:
    with pytest.raises(LookupError, match=r"declare ErrorCode\('notes_full', …\) and raise that"):
        make()


def test_a_code_survives_a_copy() -> None:
    code = CORE_CODES["rate_limited"]
    copied = deepcopy(code)
    assert (copied, copied.status, copied.meta) == (code, 429, code.meta)


def test_fields_are_the_keys_of_the_errors() -> None:
    result = get(
        raising(Invalid({"steps[2].name": [Problem("required", "Write text.")], "email": [Problem("too_long", "Less.")]}))
    )
    assert result.status_code == 422
    assert result.json == {
        "success": False,
        "message": "Some fields are not valid.",
        "errors": {
            "steps[2].name": [{"code": "required", "message": "Write text."}],
            "email": [{"code": "too_long", "message": "Less."}],
        },
    }


@pytest.mark.parametrize("accept", ["application/xml", "text/html", "image/png", "*/*;q=0", "nonsense"])
def test_accept_changes_nothing(accept: str) -> None:
    for path in ("/x", "/nowhere"):
        result = get(raising(Refused("not_found", "No.")), path, Accept=accept)
        assert result.status_code == 404
        assert result.headers["Content-Type"] == "application/json"
        assert result.json["success"] is False


def test_unknown_route_is_route_not_found() -> None:
    assert problem(get(raising(Refused("conflict", "No.")), "/nowhere"))["code"] == "route_not_found"


def test_method_that_a_route_does_not_take_is_told_which_it_takes() -> None:
    result = get(raising(Refused("conflict", "No.")), method="DELETE")
    assert result.status_code == 405
    assert "GET" in result.headers["Allow"]
    assert problem(result)["code"] == "method_not_allowed"


@pytest.mark.filterwarnings("ignore:Unknown REQUEST_METHOD")
@pytest.mark.parametrize("method", ["BREW", "get"])
def test_unknown_method_is_a_bad_request(method: str) -> None:
    result = get(raising(Refused("conflict", "No.")), method=method)
    assert result.status_code == 400
    assert result.json["success"] is False


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (falcon.HTTPBadRequest(description="s3cret"), "bad_request"),
        (falcon.HTTPUnauthorized(), "authentication_required"),
        (falcon.HTTPNotFound(), "not_found"),
        (falcon.HTTPContentTooLarge(), "payload_too_large"),
        (falcon.HTTPUnsupportedMediaType(), "unsupported_media_type"),
        (falcon.HTTPInvalidHeader("s3cret", "Content-Length"), "bad_request"),
        (falcon.HTTPServiceUnavailable(retry_after=7), "unavailable"),
        (falcon.HTTPTooManyRequests(), "rate_limited"),
        (falcon.HTTPInternalServerError(description="s3cret"), "internal_error"),
        (falcon.HTTPUriTooLong(), "bad_request"),
    ],
)
def test_falcons_own_errors_get_the_envelope(error: falcon.HTTPError, code: str) -> None:
    result = get(raising(error))
    assert result.status_code == CORE_CODES[code].status
    assert problem(result)["code"] == code
    assert "s3cret" not in result.text


def test_unexpected_error_is_500_with_the_request_id_and_nothing_else() -> None:
    result = get(raising(ValueError("SELECT s3cret FROM /srv/data")))
    assert result.status_code == 500
    assert problem(result) == {
        "code": "internal_error",
        "message": "Something went wrong on our side; tell the operator the request id.",
        "meta": {"request_id": "request-0001"},
    }


def test_unexpected_error_is_logged_with_its_traceback() -> None:
    with structlog.testing.capture_logs() as lines:
        get(raising(ValueError("what happened")))
    (line,) = [line for line in lines if line["log_level"] == "error"]
    assert line["request_id"] == "request-0001"
    assert line["exc_info"].__traceback__ is not None
    assert (
        logging.Formatter().formatException((ValueError, line["exc_info"], line["exc_info"].__traceback__)).count("what happened")
    )


def test_refusal_withdraws_what_the_responder_had_promised() -> None:
    result = get(raising(Refused("conflict", "No.")))
    assert {"etag", "location"}.isdisjoint(name.lower() for name in result.headers)
    assert result.headers["X-Kept"] == "1"


def test_head_has_no_body() -> None:
    result = get(raising(Refused("conflict", "No.")), method="HEAD")
    assert result.status_code == 409
    assert result.content == b""


def test_401_tells_how_to_authenticate() -> None:
    assert get(raising(Refused("invalid_token", "No."))).headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(("code", "given", "sent"), [("unavailable", 9, "9"), ("rate_limited", None, "1"), ("busy", None, "1")])
def test_429_and_503_tell_when_to_try_again(code: str, given: int | None, sent: str) -> None:
    assert get(raising(Refused(code, "No.", retry_after=given))).headers["Retry-After"] == sent


def test_redirects_are_left_as_they_are() -> None:
    assert get(raising(falcon.HTTPFound("/elsewhere"))).headers["Location"] == "/elsewhere"
