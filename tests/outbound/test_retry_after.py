"""How long a service asks to be left alone."""

import pytest
import time_machine

from aasim_core.outbound.retry_after import retry_after


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "120"}, 120),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after": "Sat, 31 Jan 2026 09:02:00 GMT"}, 120),
        ({"retry-after": "Sat, 31 Jan 2026 08:00:00 GMT"}, 0),
        ({"retry-after-ms": "250", "retry-after": "120"}, 0.25),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "²"}, None),
        ({"retry-after": "Sat, 31 Jan 2026 09:02:00 -0000"}, None),
        ({"retry-after": "Sat, 31 Jan 99999 09:02:00 GMT"}, None),
    ],
)
def test_it_is_read_where_it_can_be(headers: dict[str, str], seconds: float | None) -> None:
    with time_machine.travel("2026-01-31T09:00:00Z", tick=False):
        assert retry_after(headers) == seconds
