"""Rules about a plugin's declarations: its manifest, events, settings, jobs, listeners and commands."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import Any

from ...authoring.scaffold import PLACEHOLDER
from ...plugins.failures import place_of
from ...schemas.fields import Choice, Id, Instant
from .rule import Flaw, Rule
from .subject import Subject

_SECRET_WORDS = re.compile(r"(^|_)(password|secret|token|api_key|private_key|credentials)$")
_LONGEST_JOB_SECONDS = 86_400


def _flaw(advice: str, definition: Any = None) -> Flaw:
    return Flaw(advice, place_of(definition).strip(" ()"))


def _at(subject: Subject, hook: str) -> Any:
    return subject.declared.hooks.get(hook)


def _title(subject: Subject) -> Iterator[Flaw]:
    if not subject.plugin.title[0].isupper():
        yield Flaw(f"begin the title with a capital letter: {subject.plugin.title.capitalize()}", f"{subject.name}/__init__.py")


def _summary(subject: Subject) -> Iterator[Flaw]:
    summary = subject.plugin.summary
    if PLACEHOLDER in summary:
        yield Flaw("say in the summary of the manifest what the plugin is for", f"{subject.name}/__init__.py")
    elif not summary.endswith(".") or len(summary.split()) < 3:
        yield Flaw("write the summary of the manifest as a sentence with a full stop", f"{subject.name}/__init__.py")


def _event_summaries(subject: Subject) -> Iterator[Flaw]:
    for event in subject.declared.events:
        if len(event.summary.split()) < 3:
            yield _flaw(f"say in the summary of {event.name} what happened, as in “A note was created”", _at(subject, "events"))


def _event_subjects(subject: Subject) -> Iterator[Flaw]:
    for event in subject.declared.events:
        if not event.subject and not event.name.endswith(".*"):
            yield _flaw(f'name the kind of the subjects of {event.name}: Event(…, …, "note")', _at(subject, "events"))


def _event_fields(subject: Subject) -> Iterator[Flaw]:
    for event in subject.declared.events:
        for name, one in (event.data or {}).items():
            if not isinstance(one, Id | Choice | Instant) and not one.metadata.get("description"):
                yield _flaw(f"write description=… for the field {name} of the event {event.name}", _at(subject, "events"))


def _settings_help(subject: Subject) -> Iterator[Flaw]:
    for one in fields(subject.section) if subject.section else ():
        if len(str(one.metadata.get("help", "")).split()) < 2 or not one.metadata["help"].endswith((".", ")")):
            yield _flaw(f"say in a sentence with a full stop what the setting {one.name} is for", subject.section)


def _settings_units(subject: Subject) -> Iterator[Flaw]:
    """Numbers whose name and help tell nothing of what they count."""
    for one in fields(subject.section) if subject.section else ():
        if one.name in ("timeout", "interval", "delay", "size", "limit", "max", "min", "ttl", "age"):
            yield _flaw(f"name the unit of the setting {one.name}, as in {one.name}_seconds", subject.section)


def _secret_settings(subject: Subject) -> Iterator[Flaw]:
    for one in fields(subject.section) if subject.section else ():
        if _SECRET_WORDS.search(one.name) and not one.metadata.get("secret"):
            yield _flaw(f"write secret=True for the setting {one.name}", subject.section)


def _job_limits(subject: Subject) -> Iterator[Flaw]:
    for job in subject.declared.jobs:
        if not 0 < job.time_limit <= _LONGEST_JOB_SECONDS:
            yield _flaw(
                f"let the job {job.name} do a part in at most {_LONGEST_JOB_SECONDS} s (time_limit), and enqueue the rest",
                job.function,
            )


def _job_attempts(subject: Subject) -> Iterator[Flaw]:
    for job in subject.declared.jobs:
        if job.retry.max_attempts < 1 or job.retry.max_seconds < job.retry.base_seconds:
            yield _flaw(
                f"give the job {job.name} a Retry with at least one attempt, and max_seconds above base_seconds", job.function
            )


def _named_functions(subject: Subject) -> Iterator[Flaw]:
    """A delivery that waits for a listener knows it by its function's name."""
    for listener in subject.declared.listeners:
        if listener.moment == "after_commit" and getattr(listener.function, "__name__", "") == "<lambda>":
            yield _flaw(f"give the listener of {listener.pattern} a function with a name", listener.function)


def _wanted(subject: Subject) -> Iterator[Flaw]:
    for listener in subject.declared.listeners:
        if listener.pattern == "*" and listener.moment == "after_commit" and listener.wanted is None:
            yield _flaw("say with wanted=… which events the listener of * is delivered", listener.function)


def _typed_hooks(subject: Subject) -> Iterator[Flaw]:
    for hook, function in subject.declared.hooks.items():
        if "return" not in getattr(function, "__annotations__", {}):
            yield _flaw(f"say what the hook {hook} returns: def {hook}(…) -> …", function)


def _code_texts(subject: Subject) -> Iterator[Flaw]:
    for code in subject.declared.error_codes:
        if not code.example.endswith((".", "?")):
            yield _flaw(f"end the example of the error code {code} as a sentence", _at(subject, "error_codes"))


def _check_names(subject: Subject) -> Iterator[Flaw]:
    for command in subject.declared.commands:
        if not (command.help or "").strip():
            yield _flaw(f"say in the docstring of the command {command.name} what it does", command.callback)


DECLARED_RULES: Sequence[Rule[Subject]] = (
    Rule("title", "bronze", "The title begins with a capital letter.", "In lists of plugins it looks like a mistake.", _title),
    Rule(
        "summary", "bronze", "The manifest's summary is a sentence.", "Who chooses plugins cannot tell what it is for.", _summary
    ),
    Rule(
        "event-summaries",
        "bronze",
        "Each event says in three words or more what happened.",
        "An auditor reads a name and not what happened.",
        _event_summaries,
    ),
    Rule(
        "settings-explained",
        "bronze",
        "The help of each setting is a sentence.",
        "An operator has to guess what a setting does.",
        _settings_help,
    ),
    Rule(
        "commands-explained",
        "bronze",
        "Each command has a help text.",
        "An operator runs a command to find out what it does.",
        _check_names,
    ),
    Rule(
        "secret-settings",
        "bronze",
        "Settings for passwords, secrets, tokens and keys are `secret=True`.",
        "A password is shown by `aasim config show`, and in logs.",
        _secret_settings,
    ),
    Rule(
        "event-subjects",
        "silver",
        "Each event names the kind of its subjects.",
        "Activities and webhooks cannot say what it happened to.",
        _event_subjects,
    ),
    Rule(
        "job-time-limits",
        "silver",
        "Each job has a time limit of at most a day.",
        "A job that hangs keeps a worker's thread for a day.",
        _job_limits,
    ),
    Rule(
        "job-attempts",
        "silver",
        "Each job is tried at least once, with delays that grow.",
        "Work is given up at the first failure of something else.",
        _job_attempts,
    ),
    Rule(
        "named-listeners",
        "silver",
        "Listeners after the commit are functions with names.",
        "Deliveries that wait are lost at the next upgrade.",
        _named_functions,
    ),
    Rule(
        "listeners-choose",
        "gold",
        "A listener of all events after the commit says with `wanted` which it needs.",
        "Every event of every organization costs a delivery.",
        _wanted,
    ),
    Rule(
        "hooks-typed",
        "gold",
        "Each hook says what it returns.",
        "A wrong answer of a hook is found at start, not by a type checker.",
        _typed_hooks,
    ),
    Rule(
        "error-sentences",
        "gold",
        "The example of each error code is a sentence.",
        "Who is refused reads a fragment, and not what to do.",
        _code_texts,
    ),
    Rule(
        "setting-units",
        "gold",
        "The names of settings that are numbers tell their unit.",
        "An operator writes minutes where seconds are meant.",
        _settings_units,
    ),
    Rule(
        "event-fields-described",
        "platinum",
        "Each field of an event's data has a description, unless it is an id, a choice or an instant.",
        "Who receives a webhook has to guess what a field means.",
        _event_fields,
    ),
)
