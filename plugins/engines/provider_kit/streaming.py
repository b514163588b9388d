"""Assemble a reply from a stream."""

from collections.abc import Generator, Iterable, Sequence
from contextlib import AbstractContextManager, closing
from typing import TYPE_CHECKING, Any, Protocol

from ..chat import Message, OnToken, Partial, Reply, keeping
from .failures import Cut

if TYPE_CHECKING:
    from aasim_core.outbound.deadlines import Patience


class Gathering(Protocol):
    """The pieces of one stream so far."""

    def add(self, piece: Any) -> str:
        """Take one piece in; returns the text that it adds to the reply."""

    @property
    def finished(self) -> bool:
        """Whether the model said that the reply is complete."""

    def reply(self, messages: Sequence[Message]) -> Reply:
        """The whole reply to `messages`; raises `EngineError` where the model refused."""

    def so_far(self, *, sent: bool) -> Partial:
        """What has come by now; `sent` is whether the request has left."""


def gathered(
    gathering: Gathering,
    stream: AbstractContextManager[Iterable[Any]],
    messages: Sequence[Message],
    *,
    patience: "Patience",
    on_token: OnToken,
) -> Reply:
    """The reply of a stream, which is opened here and closed in any case; raises `Cut` where it ends too early.

    What `on_token` raises is not taken for an error of the stream.
    """
    with keeping(lambda: gathering.so_far(sent=patience.sent)):
        with closing(_texts(gathering, stream, patience)) as texts:
            for text in texts:
                on_token(text)
        return gathering.reply(messages)


def _texts(gathering: Gathering, stream: AbstractContextManager[Iterable[Any]], patience: "Patience") -> Generator[str]:
    with stream as pieces:
        for piece in pieces:
            patience.check()
            if text := gathering.add(piece):
                yield text
        if not gathering.finished:
            raise Cut
