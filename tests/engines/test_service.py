"""Asking an engine: which one answers, with which parameters, and what it costs."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from aasim_core.clock import now
from aasim_core.context import organization_scope
from aasim_core.data import records
from aasim_core.errors import Refused
from aasim_core.events.records import EventRow
from aasim_core.secrets.masking import without
from aasim_plugins.engines import finding, service
from aasim_plugins.engines.built_in import ensure_built_in, write
from aasim_plugins.engines.chat import Cancelled, Capabilities, EngineError, Message, NoRoom, Provider, ToolSpec
from aasim_plugins.engines.models import DISABLED, Engine

HELLO = [Message("user", "Hello?")]
CAN = {"streaming": True, "tools": "native", "json_schema": True, "judge": False}


@pytest.fixture
def organization_id(world: Any) -> Iterator[str]:
    """An organization, in scope."""
    made = world.organization().organization_id
    with organization_scope(made):
        yield made


def scripted(app: Any, name: str, **fields: Any) -> Engine:
    values = {"provider": "scripted", "model": "script", "capabilities": CAN, "name": name, **fields}
    with app.database.transaction():
        return write(values)


@pytest.mark.usefixtures("organization_id")
def test_the_layers_of_parameters_lie_over_those_of_the_engine(app: Any) -> None:
    engine = scripted(app, "A", default_parameters={"replies": ["engine's"]})

    assert service.ask(app, engine.id, HELLO).reply.text == "engine's"
    layers = [{"replies": ["agent's"]}, {"replies": ["execution's"]}]
    assert service.ask(app, engine.id, HELLO, layers=layers).reply.text == "execution's"


@pytest.mark.usefixtures("organization_id")
def test_an_answer_says_who_gave_it_and_what_it_cost(app: Any) -> None:
    engine = scripted(app, "A")
    answer = service.ask(app, engine.id, HELLO)
    assert (answer.engine_id, answer.provider, answer.cost, answer.price_source) == (engine.id, "scripted", 0, "free")

    priced = scripted(app, "B", prices=[{"input": 2_000_000, "output": 4_000_000, "currency": "EUR", "valid_from": None}])
    answer = service.ask(app, priced.id, HELLO)
    usage = answer.reply.usage
    assert (answer.cost, answer.currency) == (2 * usage.input_tokens + 4 * usage.output_tokens, "EUR")


@pytest.mark.usefixtures("organization_id")
def test_a_fallback_answers_while_the_engine_cannot(app: Any) -> None:
    second = scripted(app, "B", default_parameters={"replies": ["from B"]})
    first = scripted(app, "A", default_parameters={"fault": "unavailable"}, fallback_engine_ids=[second.id])

    notes: list[service.Note] = []
    answer = service.ask(app, first.id, HELLO, on_note=notes.append)

    assert (answer.reply.text, answer.engine_id) == ("from B", second.id)
    assert [(note.event, note.engine_id, note.code) for note in notes] == [
        ("engine_called", first.id, None),
        ("engine_fell_back", first.id, "unavailable"),
        ("engine_called", second.id, None),
    ]


@pytest.fixture
def halting(app: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Called with an engine, makes what is to be told of calls: as soon as it is asked, the engine is halted, and that is seen."""
    monkeypatch.setattr("aasim_plugins.engines.health.halts._LOOK_EVERY_SECONDS", 0)

    def halt(engine: Engine) -> Any:
        def told(note: service.Note) -> None:
            if (note.event, note.engine_id) == ("engine_called", engine.id):
                Engine.update(halted_at=now()).where(Engine.id == engine.id).execute()

        return told

    return halt


@pytest.mark.usefixtures("organization_id")
def test_a_call_ends_when_its_engine_is_halted_and_whoever_asks_waits(app: Any, halting: Any) -> None:
    engine = scripted(app, "A", default_parameters={"fault": "hang"})
    with pytest.raises(NoRoom, match="halted"):
        service.ask(app, engine.id, HELLO, on_note=halting(engine))


@pytest.mark.usefixtures("organization_id")
def test_a_fallback_answers_when_the_engine_is_halted_in_the_middle(app: Any, halting: Any) -> None:
    second = scripted(app, "B", default_parameters={"replies": ["from B"]})
    first = scripted(app, "A", default_parameters={"fault": "hang"}, fallback_engine_ids=[second.id])
    assert service.ask(app, first.id, HELLO, on_note=halting(first)).reply.text == "from B"


@pytest.mark.usefixtures("organization_id")
def test_a_fallback_does_not_hide_a_mistake(app: Any) -> None:
    second = scripted(app, "B", default_parameters={"replies": ["from B"]})
    first = scripted(app, "A", default_parameters={"fault": "invalid_request"}, fallback_engine_ids=[second.id])

    with pytest.raises(EngineError, match="invalid_request"):
        service.ask(app, first.id, HELLO)


@pytest.mark.usefixtures("organization_id")
def test_the_last_engines_error_is_the_answer_when_none_can(app: Any) -> None:
    gone = scripted(app, "C", status=DISABLED)
    second = scripted(app, "B", default_parameters={"fault": "rate_limited"})
    first = scripted(app, "A", default_parameters={"fault": "unavailable"}, fallback_engine_ids=[second.id, gone.id])

    with pytest.raises(EngineError) as caught:
        service.ask(app, first.id, HELLO)

    assert caught.value.code == "rate_limited"


@pytest.mark.usefixtures("organization_id")
def test_tools_are_emulated_where_the_model_cannot_call_any(app: Any) -> None:
    action = {"text": {"action": "look", "input": {"at": "sky"}}}
    engine = scripted(app, "A", capabilities={**CAN, "tools": "emulated"}, default_parameters={"replies": [action]})
    reply = service.ask(app, engine.id, HELLO, tools=[ToolSpec("look", "Looks.")]).reply
    assert [(call.name, call.parsed()) for call in reply.tool_calls] == [("look", {"at": "sky"})]

    deaf = scripted(app, "B", capabilities={**CAN, "tools": "none"})
    with pytest.raises(EngineError, match="the engine B cannot call tools"):
        service.ask(app, deaf.id, HELLO, tools=[ToolSpec("look", "Looks.")])


@pytest.mark.usefixtures("organization_id")
def test_what_the_engine_cannot_do_is_not_asked_of_it(app: Any) -> None:
    seen: list[Any] = []

    class Listening:
        def chat(self, messages: Any, **options: Any) -> Any:
            seen.append((options["tools"], options["schema"]))
            raise EngineError("refused", "enough heard")

        def close(self) -> None:
            pass

    listening = Provider("listening", "Listening", Capabilities(), open=lambda _config: Listening())
    app.offers.keep("engine_providers", {"listening": listening})
    plain = scripted(app, "A", provider="listening", capabilities={**CAN, "tools": "emulated", "json_schema": False})
    able = scripted(app, "B", provider="listening")

    look = ToolSpec("look", "Looks.")
    for engine in (plain, able):
        with pytest.raises(EngineError):
            service.ask(app, engine.id, HELLO, tools=[look], schema={"type": "object"})

    assert seen == [((), None), ([look], {"type": "object"})]


@pytest.mark.usefixtures("organization_id")
def test_an_engine_that_is_disabled_or_gone_cannot_be_used(app: Any) -> None:
    disabled = scripted(app, "A", status=DISABLED)

    with pytest.raises(Refused, match="The engine A is disabled"):
        finding.find_usable(disabled.id)
    for engine_id in (disabled.id, "engine_01h455vb4pex5vsknk084sn02q", "no id at all"):
        with pytest.raises(EngineError) as caught:
            service.ask(app, engine_id, HELLO)
        assert (caught.value.code, caught.value.retryable) == ("unavailable", False)


@pytest.mark.usefixtures("organization_id")
def test_the_default_is_the_embedded_model(app: Any) -> None:
    engine = finding.find_default(app)
    assert (engine.provider, engine.built_in_of) == ("local", "local")

    with app.database.transaction():
        records.change(engine, {"status": DISABLED})
    with pytest.raises(
        EngineError, match=r"The engine Embedded model is disabled; enable it, or choose an engine for the agent\."
    ):
        service.ask(app, None, HELLO)


@pytest.mark.usefixtures("organization_id")
def test_an_engine_whose_plugin_is_off_says_so(app: Any) -> None:
    engine = scripted(app, "A", provider="anthropic")

    with pytest.raises(EngineError, match="the plugin that provides anthropic is disabled"):
        service.ask(app, engine.id, HELLO)


@pytest.mark.usefixtures("organization_id")
def test_a_key_that_does_not_open_is_an_auth_error(app: Any) -> None:
    engine = scripted(app, "A", provider="openai_compatible", api_key="v1.k0.AAAA")

    with pytest.raises(EngineError, match="write it again") as caught:
        service.ask(app, engine.id, HELLO)

    assert (caught.value.code, caught.value.retryable) == ("auth", False)


@pytest.mark.usefixtures("organization_id")
def test_a_call_can_be_cancelled_and_watched(app: Any) -> None:
    engine = scripted(app, "A", default_parameters={"replies": ["one two three"]})
    pieces: list[str] = []

    service.ask(app, engine.id, HELLO, on_token=pieces.append)
    assert "".join(pieces) == "one two three"
    with pytest.raises(Cancelled):
        service.ask(app, engine.id, HELLO, should_cancel=lambda: True)


@pytest.mark.usefixtures("organization_id")
def test_a_fault_ends_with_its_attempt(app: Any) -> None:
    engine = scripted(app, "A", default_parameters={"fault": "unavailable", "until_attempt": 2, "echo": True})

    with pytest.raises(EngineError):
        service.ask(app, engine.id, HELLO)
    assert service.ask(app, engine.id, HELLO, attempt=2).reply.text == "Hello?"


def test_built_in_engines_are_made_once_however_many_ask(app: Any, organization_id: str) -> None:
    barrier = threading.Barrier(4)

    def ensure() -> None:
        with app.database.connected(), organization_scope(organization_id):
            barrier.wait()
            ensure_built_in(app)

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(ensure) for _ in range(4)]:
            done.result()

    assert sorted(engine.built_in_of for engine in Engine.select()) == ["local", "scripted"]
    created = [(row.subject_label, row.actor_type) for row in EventRow.select() if row.name == "engines.created"]
    assert sorted(created) == [("Embedded model", "system"), ("Scripted replies", "system")]


@pytest.mark.usefixtures("organization_id")
def test_a_built_in_engine_follows_its_provider_and_keeps_what_the_organization_decided(app: Any) -> None:
    with app.database.transaction():
        own = {"name": "Ours", "default_parameters": {"max_output_tokens": 9}}
        engine = write({**own, "provider": "local", "model": "older", "built_in_of": "local", "capabilities": CAN})

    changed = finding.find_default(app)

    assert (changed.id, changed.model, changed.context_tokens) == (engine.id, "smollm2-135m-instruct", 2048)
    assert (changed.name, changed.default_parameters) == ("Ours", {"max_output_tokens": 9})


def test_preparing_asks_the_providers_that_need_something(app: Any) -> None:
    told: list[str] = []
    needy = Provider(
        "needy",
        "Needy",
        Capabilities(),
        open=lambda _config: pytest.fail("never opened"),
        prepare=lambda progress: progress("fetching", 1, 2),
    )
    app.offers.keep("engine_providers", {"needy": needy, "content": replace(needy, name="content", prepare=None)})

    assert service.prepare(app, lambda what, done, whole: told.append(f"{what} {done}/{whole}")) == ["Needy"]
    assert told == ["fetching 1/2"]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("the key abcdefgh is wrong: abcdefgh", "the key *** is wrong: ***"),
        ("the key abcdefg", "the key ***"),
        ("the key abc", "the key abc"),
        ("no key", "no key"),
    ],
)
def test_what_a_server_says_of_its_key_is_told_without_it(said: str, told: str) -> None:
    assert without("abcdefgh", said) == told
