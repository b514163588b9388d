"""The suite of the promises that every plugin makes, from one line in the plugin's own tests.

    from aasim_core.testing.contract import PluginContract


    class TestContract(PluginContract):
        plugin = "notes"

Every operation of the plugin is tried, once on SQLite and once on PostgreSQL, with bodies that its schemas say they take. What they
cannot say, the attributes of the class do.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import pytest

from ...bootstrap import build_app
from ...errors import StartupError
from ...http.operations import Endpoint
from ...plugins.registry import Found
from ..apps import settings_in
from ..databases import Databases
from ..fixtures import BOTH, maker_of
from ..selection import only
from ..world import Client, Person, World
from .answers import AnswerContract
from .expanding import ExpandContract
from .extremes import ExtremeContract
from .features import FeatureContract
from .hints import Hints, Sample, refuse_wrong_types
from .lifecycle import LifeContract
from .lists import ListContract
from .manifest import ManifestContract
from .protocols import ProtocolContract
from .reaching import ReachContract
from .refusals import RefusalContract
from .stage import Stage, name_of, running, sources_of


class PluginContract(
    ManifestContract,
    RefusalContract,
    ReachContract,
    AnswerContract,
    ListContract,
    ExpandContract,
    ExtremeContract,
    ProtocolContract,
    LifeContract,
    FeatureContract,
):
    """The contract suite; a subclass named ``Test…`` says which `plugin` it is about.

    `folder` is the drop-in folder of a plugin that is not installed. `companions` are plugins that have to be on for the samples to
    work, besides those that it requires; `settings` are further flags (``{"notes.keep_days": 3}``). For those that are not named here
    see `hints.Hints`. `statements` says how many statements the reading of an object may take that puts together what several lists say.
    `unasked` names declared permissions that no operation of the plugin asks for, and `silent` operations that
    change something and emit no event, each with the reason.
    """

    plugin: ClassVar[str]
    folder: ClassVar[Path | None] = None
    companions: ClassVar[Sequence[str]] = ()
    settings: ClassVar[Mapping[str, Any]] = {}
    samples: ClassVar[Mapping[str, Sample]] = {}
    objects: ClassVar[Mapping[str, str | Callable[[World, Person], str]]] = {}
    members: ClassVar[Mapping[str, str | Callable[[World, Person, Mapping[str, str]], str]]] = {}
    traces: ClassVar[Mapping[str, str]] = {}
    copies: ClassVar[Mapping[str, Callable[[World, Person], Mapping[str, Any]]]] = {}
    grown: ClassVar[Mapping[str, Callable[[World, Person, int], object]]] = {}
    fixed: ClassVar[Mapping[str, str]] = {}
    rows: ClassVar[Mapping[str, str | Callable[[World, Person, Mapping[str, str]], object]]] = {}
    before: ClassVar[Mapping[str, Callable[[Client, str], object]]] = {}
    placed: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    everywhere: ClassVar[Mapping[str, str]] = {}
    statements: ClassVar[Mapping[str, int]] = {}
    unasked: ClassVar[Mapping[str, str]] = {}
    silent: ClassVar[Mapping[str, str]] = {}

    #: The plugin's operations in the API and outside it, as found when the class was created.
    _operations: ClassVar[Mapping[str, Endpoint]] = {}
    _beside: ClassVar[Mapping[str, Endpoint]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Look at the plugin, and leave out the tests of what it does not have; TypeError for an attribute of a wrong type."""
        super().__init_subclass__(**kwargs)
        refuse_wrong_types(cls)
        if not hasattr(cls, "plugin"):
            return
        found, operations = _examined(cls)
        cls._operations = {name_of(endpoint): endpoint for endpoint in operations if endpoint.in_api}
        cls._beside = {name_of(endpoint): endpoint for endpoint in operations if not endpoint.in_api}
        for name in dir(cls):
            if name.startswith("test_") and not _applies(getattr(cls, name), found, operations):
                setattr(cls, name, None)

    @classmethod
    def hints(cls) -> Hints:
        """What the class says about how its operations are tried."""
        return Hints(**{one.name: getattr(cls, one.name) for one in fields(Hints)})

    @classmethod
    def flags(cls) -> Mapping[str, Any]:
        """The settings under which the operations are tried."""
        return {**only([cls.plugin, *cls.companions], cls.folder), **cls.settings}

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run a test that is about operations once for each of them."""
        concerns = getattr(metafunc.function, "concerns", None)
        if concerns is not None:
            fixture, operations = ("route", self._beside) if "route" in metafunc.fixturenames else ("endpoint", self._operations)
            names = [name for name, endpoint in operations.items() if concerns(endpoint)]
            metafunc.parametrize(fixture, names, indirect=True)

    @pytest.fixture(scope="class", params=BOTH)
    @classmethod
    def stage_databases(cls, request: pytest.FixtureRequest) -> Databases:
        """The maker of databases; what uses it runs once on SQLite and once on PostgreSQL."""
        return maker_of(request)

    @pytest.fixture(scope="class")
    @classmethod
    def stage_flags(cls, stage_databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Any]]:
        """The settings of the stage, with a data folder and a migrated database of its own."""
        folder = tmp_path_factory.mktemp("stage")
        with stage_databases.lent(sources_of(folder, cls.flags())) as database:
            yield {**cls.flags(), "data_dir": str(folder), **database}

    @pytest.fixture(scope="class")
    @classmethod
    def shared_stage(cls, stage_flags: Mapping[str, Any]) -> Iterator[Stage]:
        """The app of all tests of the class, with its world."""
        with running(settings_in(Path(stage_flags["data_dir"]), stage_flags)) as app:
            yield Stage(app, cls.hints())

    @pytest.fixture
    def stage(self, shared_stage: Stage) -> Stage:
        """The same, ready for a test."""
        shared_stage.enter()
        return shared_stage

    @pytest.fixture
    def endpoint(self, request: pytest.FixtureRequest, stage: Stage) -> Endpoint:
        """The operation that the test is about."""
        return stage.endpoints[request.param]

    @pytest.fixture
    def route(self, request: pytest.FixtureRequest, stage: Stage) -> Endpoint:
        """The operation outside the API that the test is about."""
        return stage.beside[request.param]


def _examined(contract: type[PluginContract]) -> tuple[Found | None, Sequence[Endpoint]]:
    """The plugin and its operations; None and none of one that does not load, which a test of its own says."""
    with TemporaryDirectory() as folder:
        try:
            app = build_app(settings_in(Path(folder), contract.flags()))
        except StartupError:
            return None, ()
    operations = [endpoint for endpoint in app.endpoints if endpoint.plugin == contract.plugin]
    return app.plugins.find(contract.plugin), operations


def _applies(test: Any, found: Found | None, operations: Sequence[Endpoint]) -> bool:
    """Whether a test is about anything that the plugin has; of one that does not load, only whether it does."""
    if found is None or found.state != "on":
        return getattr(test, "__name__", "") == ManifestContract.test_it_loads_with_only_what_it_requires.__name__
    concerns = getattr(test, "concerns", None)
    is_needed = concerns is None or any(map(concerns, operations))
    return is_needed and all(suits(found) for suits in getattr(test, "suits", ()))
