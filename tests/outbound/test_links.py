"""Links in mails: to the organization's own page where a template names it."""

import pytest

from aasim_core.outbound.links import steps
from aasim_core.settings.checks import is_link_template

PORTAL = "https://portal.example.com/{kind}/{id}?token={token}"


def link(template: str, token: str) -> str:
    text = steps(template, "approval", id="approval_1", token=token, otherwise="")
    return text.split()[-1] if text else ""


def test_without_a_template_a_mail_explains_the_call() -> None:
    assert steps("", "invitation", id="user_1", token="t", otherwise="Send this.") == "Send this."


@pytest.mark.parametrize(
    ("template", "token", "made"),
    [
        (PORTAL, "secret", "https://portal.example.com/approval/approval_1?token=secret"),
        (PORTAL, "", "https://portal.example.com/approval/approval_1"),
        ("https://a.example/{kind}?id={id}&token={token}", "", "https://a.example/approval?id=approval_1"),
        ("https://a.example/{kind}/{id}#{token}", "secret", "https://a.example/approval/approval_1#secret"),
        ("https://a.example/{kind}/{id}#{token}", "", "https://a.example/approval/approval_1"),
        (PORTAL, "a b&c", "https://portal.example.com/approval/approval_1?token=a%20b%26c"),
    ],
)
def test_a_template_is_filled_and_what_has_no_value_is_left_out(template: str, token: str, made: str) -> None:
    assert link(template, token) == made


@pytest.mark.parametrize("template", ["", PORTAL, "http://127.0.0.1:3000/{kind}/{id}#{token}"])
def test_a_good_template_is_taken(template: str) -> None:
    assert is_link_template(template) is None


@pytest.mark.parametrize(
    "template",
    [
        "portal.example.com/{kind}/{id}/{token}", "http://portal.example.com/{kind}/{id}/{token}", "https://{kind}.example/{id}/{token}",
        "https://portal.example.com/{kind}/{id}", "https://portal.example.com/{kind}/{id}/{token}/{name}",
        "https://portal.example.com/{kind}/{id} {token}", "javascript:{kind}{id}{token}",
    ],
)  # fmt: skip
def test_a_bad_template_is_told_what_to_write(template: str) -> None:
    assert "https://portal.example.com/{kind}/{id}?token={token}" in str(is_link_template(template))
