"""Map storage errors to 503, as opposed to statements that are a bug of ours."""

from collections.abc import Mapping

from ..data.faults import Fault, fault_of
from ..errors import Refused

#: The code, the message, and the Retry-After in seconds.
_ANSWERS: Mapping[Fault, tuple[str, str, int]] = {
    "busy": ("busy", "The storage is busy; nothing was changed. Try again.", 1),
    "broken": ("storage_unavailable", "The storage cannot take this now; nothing was changed. Try again later.", 5),
    "unconfirmed": (
        "storage_unavailable",
        "The storage has not confirmed the change, which may have been made. Repeat it with the same Idempotency-Key, or check "
        "whether it was made before you repeat it.",
        5,
    ),
}


def storage_refusal(error: BaseException) -> Refused | None:
    """Return the 503 for an error that means the storage is busy, full, broken or unreachable; None for any other error."""
    fault = fault_of(error)
    if fault is None:
        return None
    code, message, seconds = _ANSWERS[fault]
    return Refused(code, message, retry_after=seconds)
