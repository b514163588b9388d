"""A plugin that breaks the contract in many places; each place says how."""

from aasim_core import Event, Permission, Plugin, hookimpl

from . import api, inbound
from .hookspecs import Regret, Wish
from .models import Thing

# A summary that is no sentence.
plugin = Plugin("Faulty", "Breaks the contract")


@hookimpl
def models(app):
    return [Thing]


@hookimpl
def permissions(app):
    return [
        *(Permission(f"faulty:{verb}", f"May {verb}") for verb in ("read", "create", "update", "delete")),
        # Nothing asks for it.
        Permission("faulty:idle", "May nothing"),
    ]


@hookimpl
def events(app):
    return [Event(f"faulty.{what}", f"A thing was {what}", "faulty_thing") for what in ("created", "updated", "deleted")]


@hookimpl
def routes(app):
    return [api.Things(app), inbound.Inbound()]


@hookimpl
def wishes(app):
    return [Wish("luck", lambda: "Good luck!")]


@hookimpl
def regrets(app):
    return [Regret("none")]
