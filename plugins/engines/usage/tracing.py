"""The span of an engine call."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from aasim_core.spans import Off, Open

from ..chat import Message, Parameters, Reply
from ..models import Engine
from .metering import Payer

if TYPE_CHECKING:
    from aasim_core.app import App


@contextmanager
def traced(
    app: "App", engine: Engine, messages: Sequence[Message], parameters: Parameters, payer: Payer
) -> Iterator[Callable[[Reply], object]]:
    """A span for the call that is made inside; call its value with the reply."""
    told: dict[str, Any] = {name: getattr(parameters, name) for name in ("temperature", "max_output_tokens", "seed")}
    told |= {"engine_id": engine.id, "execution_id": payer.execution_id, "agent_id": payer.agent_id}
    with app.spans.begin("engine", engine.model, provider=engine.provider, **told) as span:
        if span.wants_content:
            span.say(messages=[_said(message) for message in messages])
        yield lambda reply: _answered(span, reply)


def _answered(span: Open | Off, reply: Reply) -> None:
    usage = reply.usage
    span.note(
        answered_by=reply.raw_model,
        finish=reply.finish,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_tokens=usage.cache_write_tokens,
    )
    if span.wants_content:
        span.say(reply=_said(Message("assistant", reply.text, reply.tool_calls)))


def _said(message: Message) -> dict[str, Any]:
    calls = [{"id": call.id, "name": call.name, "arguments": call.arguments} for call in message.tool_calls]
    return {"role": message.role, "content": message.content, "tool_calls": calls, "tool_call_id": message.tool_call_id}
