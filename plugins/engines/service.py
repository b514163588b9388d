"""Call an engine: answer a conversation, with prices, fallbacks and the organization's own keys."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from aasim_core.errors import Invalid, Problem
from aasim_core.secrets import Secret, Unreadable

from .availability import missing, provider_of
from .calls.records import CORRECTION, EngineCall
from .chat import (
    Cancelled,
    Chat,
    EngineConfig,
    EngineError,
    ErrorCode,
    Message,
    NoRoom,
    OnToken,
    Parameters,
    Progress,
    Provider,
    Reply,
    ShouldCancel,
    ToolSpec,
    ignore_token,
    never_cancel,
)
from .finding import engines_for, find_or_none
from .health import circuit, halts
from .models import Engine
from .provider_kit import emulation
from .provider_kit.estimates import usage_at_most
from .provider_kit.parameters import parameters_from, refuse_reserved
from .provider_kit.replies import clean_errors, clean_reply
from .providers import default_provider, installed_providers, provider_named
from .usage.charging import Charge, OnSpent, Spent, ignore_spent
from .usage.limits import place_at
from .usage.metering import NOBODY, Payer, WriteSoon, estimate_of, metered
from .usage.prices import Cost
from .usage.tracing import traced

if TYPE_CHECKING:
    from aasim_core.app import App

__all__ = [
    "CORRECTION",
    "Answer",
    "EngineCall",
    "Note",
    "OnNote",
    "OnSpent",
    "Spent",
    "WriteSoon",
    "ask",
    "ask_one",
    "config_of",
    "default_provider",
    "find_or_none",
    "ignore_note",
    "ignore_spent",
    "missing",
    "prepare",
    "provider_of",
    "refuse_bad_parameters",
]


@dataclass(frozen=True)
class Note:
    """Something worth keeping about a call; `code` is that of the engine's failure, if it is about one."""

    event: Literal["engine_called", "engine_fell_back", "engine_degraded", "engine_recovered"]
    engine_id: str
    message: str
    code: ErrorCode | None = None


OnNote = Callable[[Note], None]


def ignore_note(_note: Note) -> None:
    """Keep nothing."""


@dataclass(frozen=True)
class Answer:
    """A reply, the engine that gave it, and what it cost: `cost` in micro-units of `currency`, None where no price is known."""

    reply: Reply
    engine_id: str
    provider: str
    cost: int | None
    currency: str | None
    price_source: str | None
    duration_ms: int


def ask(
    app: "App",
    engine_id: str | None,
    messages: Sequence[Message],
    *,
    layers: Sequence[Mapping[str, Any]] = (),
    tools: Sequence[ToolSpec] = (),
    schema: Mapping[str, Any] | None = None,
    timeout_seconds: float = 120,
    attempt: int = 1,
    payer: Payer = NOBODY,
    on_token: OnToken = ignore_token,
    on_note: OnNote = ignore_note,
    on_spent: OnSpent = ignore_spent,
    should_cancel: ShouldCancel = never_cancel,
    write_soon: WriteSoon | None = None,
) -> Answer:
    """Return the next turn of a conversation, by the engine of that id or the default one, or by its fallbacks while it is unavailable.

    `layers` are parameters over those of the engine, later ones over earlier ones. `on_note` is called with the engines that are called,
    and their results, `on_spent` with each call's usage, even without a reply. The row of each call is written at once, or by `write_soon`
    where no meter has reserved anything. Never retries. Raises `EngineError` (`NoRoom` where the engine's limits are reached), `Cancelled`,
    or a meter's refusal of the `payer`. Call it outside of transactions.
    """
    call = _Call(messages, layers, tools, schema, attempt, payer, on_token, on_note, on_spent, should_cancel, write_soon)
    deadline = time.monotonic() + timeout_seconds
    for engine, is_last in engines_for(app, engine_id):
        watch = halts.Watch(engine, should_cancel)
        try:
            if not circuit.may_ask(app, engine):
                raise circuit.left_alone(engine)
            return _answer(app, engine, call._replace(should_cancel=watch), deadline)
        except (NoRoom, Cancelled):
            if not watch.has_seen_halt:
                raise
            if is_last:
                raise halts.waits(engine) from None
            on_note(Note("engine_fell_back", engine.id, "The engine was halted, and the next is called."))
        except EngineError as error:
            if is_last or not error.may_fall_back or time.monotonic() >= deadline:
                raise
            told = f"An engine could not answer, and the next is called: {error.message}"
            on_note(Note("engine_fell_back", engine.id, told, error.code))
    raise AssertionError("the last engine answers or raises")


def ask_one(
    app: "App",
    engine: Engine,
    messages: Sequence[Message],
    *,
    layers: Sequence[Mapping[str, Any]] = (),
    timeout_seconds: float,
    payer: Payer = NOBODY,
) -> Answer:
    """The next turn by this very engine, whatever its status; raises `EngineError`, or what a meter refuses the `payer` with."""
    call = _Call(messages, layers, (), None, 1, payer, ignore_token, ignore_note, ignore_spent, never_cancel)
    return _answer(app, engine, call, time.monotonic() + timeout_seconds)


def refuse_bad_parameters(values: Mapping[str, Any], provider: Provider | None = None) -> None:
    """Invalid, on ``parameters``, for values that no engine could take, or none of the `provider`."""
    try:
        parameters_from(values)
        refuse_reserved(values, provider.reserved if provider else frozenset())
    except EngineError as error:
        raise Invalid({"parameters": [Problem("invalid_format", f"{error.message[0].upper()}{error.message[1:]}.")]}) from error


def prepare(app: "App", progress: Progress) -> list[str]:
    """Get what the providers need on this machine; returns the titles of those that needed something. Raises `StartupError`."""
    ready = []
    for provider in installed_providers(app).values():
        if provider.prepare is not None:
            provider.prepare(progress)
            ready.append(provider.title)
    return ready


class _Call(NamedTuple):
    messages: Sequence[Message]
    layers: Sequence[Mapping[str, Any]]
    tools: Sequence[ToolSpec]
    schema: Mapping[str, Any] | None
    attempt: int
    payer: Payer
    on_token: OnToken
    on_note: OnNote
    on_spent: OnSpent
    should_cancel: ShouldCancel
    write_soon: WriteSoon | None = None


def _answer(app: "App", engine: Engine, call: _Call, deadline: float) -> Answer:
    provider = provider_named(app, engine.provider)
    began = time.monotonic()
    parameters = parameters_from(engine.default_parameters, *call.layers, timeout_seconds=deadline - began, attempt=call.attempt)
    reply, cost = _reply(app, engine, call, provider, parameters)
    return Answer(
        reply=reply,
        engine_id=engine.id,
        provider=engine.provider,
        cost=cost.amount if cost else None,
        currency=cost.currency if cost else None,
        price_source=cost.source if cost else None,
        duration_ms=round((time.monotonic() - began) * 1000),
    )


def _reply(app: "App", engine: Engine, call: _Call, provider: Provider, parameters: Parameters) -> tuple[Reply, Cost | None]:
    """Ask within the engine's limits and what the payer has, and note how it did; returns also what it cost."""
    config = config_of(app, engine)
    ends_at = time.monotonic() + parameters.timeout_seconds
    usage = usage_at_most(call.messages, call.tools, call.schema, parameters, engine.context_tokens)
    try:
        with (
            place_at(engine, call.messages, parameters) as place,
            metered(app, call.payer, estimate_of(engine, provider, usage), call.write_soon) as bill,
            clean_errors(config.api_key),
            _opened(app, engine, provider.open(config)) as chat,
        ):
            call.on_note(Note("engine_called", engine.id, f"The engine {engine.name} is called."))
            charge = Charge(engine, provider, usage.input_tokens, ends_at, bill, place, call.on_spent)
            watched = call._replace(on_token=charge.hearing(call.on_token), should_cancel=place.watched(call.should_cancel))
            with charge.unfinished():
                reply = _said(app, engine, chat, watched, parameters)
            charge.answered(reply)
    except NoRoom:
        raise
    except EngineError as error:
        _tell(call, engine, circuit.failed(app, engine, error, parameters.timeout_seconds), error)
        raise
    _tell(call, engine, circuit.answered(app, engine), None)
    return reply, bill.cost


@contextmanager
def _opened(app: "App", engine: Engine, chat: Chat) -> Iterator[Chat]:
    """The chat, closed at the end."""
    try:
        yield chat
    finally:
        with app.offers.containing("engine_providers", engine.provider):
            chat.close()


def _said(app: "App", engine: Engine, chat: Chat, call: _Call, parameters: Parameters) -> Reply:
    """Call the model in the way in which it supports tools and schemas."""
    if call.tools and engine.can.tools == "none":
        raise EngineError("invalid_request", f"the engine {engine.name} cannot call tools; choose another one for the agent")
    emulated = bool(call.tools) and engine.can.tools == "emulated"
    schema = emulation.action_schema(call.tools, call.schema) if emulated else call.schema
    messages = emulation.with_tools(call.messages, call.tools) if emulated else call.messages
    with (
        traced(app, engine, messages, parameters, call.payer) as told,
        app.offers.containing("engine_providers", engine.provider),
    ):
        reply = chat.chat(
            messages,
            tools=call.tools if engine.can.tools == "native" else (),
            schema=schema if engine.can.json_schema else None,
            parameters=parameters,
            on_token=call.on_token,
            should_cancel=call.should_cancel,
        )
        if not isinstance(reply, Reply):
            raise TypeError("Chat.chat must return a Reply")
        told(reply)
    said = emulation.with_calls(reply, call.messages, call.tools) if emulated else reply
    return clean_reply(said, call.messages)


def _tell(call: _Call, engine: Engine, turn: circuit.Turn | None, error: EngineError | None) -> None:
    if turn == "engine_degraded" and error is not None:
        call.on_note(Note(turn, engine.id, f"The engine {engine.name} is degraded: {error.message}", error.code))
    elif turn == "engine_recovered":
        call.on_note(Note(turn, engine.id, f"The engine {engine.name} answers again."))


def config_of(app: "App", engine: Engine) -> EngineConfig:
    """What the provider needs to reach the engine, its key opened; raises `EngineError`."""
    try:
        key: Secret | None = (
            app.keyring.open(engine.api_key, Engine.api_key.place(engine.id, engine.organization_id)) if engine.api_key else None
        )
    except Unreadable as error:
        raise EngineError(
            "auth", f"the API key of the engine {engine.name} cannot be read; write it again", retryable=False
        ) from error
    return EngineConfig(engine.model, engine.base_url, key, engine.context_tokens)
