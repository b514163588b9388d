"""The part of the contract suite about manifests, settings, permissions and READMEs."""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, ClassVar

import pytest

from ...app import App
from ...bootstrap import build_app
from ...catalog.unknown_names import unknown_names
from ...errors import StartupError
from ...plugins.registry import Found
from ..apps import settings_in
from ..reporting import demand, demand_none
from ..selection import candidate_of, only


class ManifestContract:
    """What the plugin says of itself, and whether it is so."""

    plugin: ClassVar[str]
    folder: ClassVar[Path | None]
    settings: ClassVar[Mapping[str, Any]]
    unasked: ClassVar[Mapping[str, str]]

    @pytest.fixture
    def app_alone(self, tmp_path: Path) -> App:
        """An app with the plugin, what it requires, and nothing else."""
        return build_app(settings_in(tmp_path, {**only([self.plugin], self.folder), **self.settings}))

    @pytest.fixture
    def found(self, app_alone: App) -> Found:
        """What became of the plugin there."""
        found = app_alone.plugins.find(self.plugin)
        assert found is not None  # noqa: S101 - the app would not have started
        return found

    def test_it_loads_with_only_what_it_requires(self, tmp_path: Path) -> None:
        """The app starts with the plugin and its `requires` on, and the plugin is on."""
        try:
            candidate_of(self.plugin, self.folder)
            app = build_app(settings_in(tmp_path, {**only([self.plugin], self.folder), **self.settings}))
        except StartupError as error:
            pytest.fail(str(error), pytrace=False)
        found = app.plugins.find(self.plugin)
        demand(
            found is not None and found.state == "on", f"the plugin {self.plugin} is {found and (found.reason or found.state)}"
        )

    def test_its_manifest_says_what_it_is(self, found: Found) -> None:
        """A title, a summary that is a sentence, a version; nothing is both required and used."""
        demand(found.title[0].isupper(), f"the title {found.title!r} begins with a small letter")
        demand(found.summary.endswith("."), f"the summary {found.summary!r} is no sentence; end it with a full stop")
        both = sorted({*found.requires, found.name} & set(found.uses))
        demand(not both, f"{', '.join(both)} is in `uses` and cannot be; what is required is used anyway")

    def test_it_writes_only_names_that_are_declared(self, app_alone: App, found: Found) -> None:
        """Error codes and events that its source raises and emits exist, and its listeners name plugins that were found."""
        demand_none([f"it {flaw}" for flaw in unknown_names(app_alone, found.name)] if found.state == "on" else [])

    def test_every_permission_is_asked_for(self, app_alone: App, found: Found) -> None:
        """Each declared permission has an operation, or a reason in `unasked`; and no reason is out of date."""
        asked = {endpoint.permission for endpoint in app_alone.endpoints if endpoint.plugin == self.plugin}
        idle = sorted(set(found.provides.permissions) - asked - set(self.unasked))
        demand(not idle, f"no operation asks for {', '.join(idle)}; remove the permission, or give the reason in `unasked`")
        stale = sorted(set(self.unasked) & asked) or sorted(set(self.unasked) - set(found.provides.permissions))
        demand(not stale, f"{', '.join(stale)} is in `unasked`, and it is asked for, or not declared")

    def test_its_permissions_and_events_are_explained(self, app_alone: App, found: Found) -> None:
        """A summary each; the built-in roles that a permission names exist; deleting needs a dangerous one or says why not."""
        mine = [app_alone.permissions[name] for name in found.provides.permissions]
        flaws = [f"the permission {permission.id} has no summary" for permission in mine if not permission.summary]
        flaws += [
            f"the permission {permission.id} names the role {role}, which is none of {', '.join(app_alone.rights.built_in)}"
            for permission in mine
            for role in permission.roles
            if role not in app_alone.rights.built_in
        ]
        flaws += [f"the event {name} has no summary" for name in found.provides.events if not app_alone.events[name].summary]
        demand_none(flaws)

    def test_its_settings_have_defaults_that_are_valid_and_explained(self, app_alone: App) -> None:
        """The section stands without being written, and each key says what it is for."""
        schema = app_alone.plugins.schemas.get(self.plugin)
        if schema is not None:
            app_alone.settings.section(self.plugin, schema)
            flaws = [
                f"the setting {self.plugin}.{one.name} has no help" for one in fields(schema) if not one.metadata.get("help")
            ]
            demand_none(flaws)

    def test_its_readme_names_what_it_brings(self, found: Found) -> None:
        """README.md has a heading and names each permission, event, error code, job, setting, command and route."""
        if found.folder is None:
            return
        readme = found.folder / "README.md"
        demand(
            readme.is_file(),
            f"{found.name} has no README.md; write what it is, its settings, permissions, events, routes and hooks",
        )
        text = readme.read_text(encoding="utf-8")
        demand(text.startswith("# "), "README.md does not begin with a heading")
        provides = found.provides
        names = (
            *provides.permissions,
            *provides.events,
            *provides.error_codes,
            *provides.jobs,
            *provides.settings,
            *provides.routes,
        )
        missing = [name for name in dict.fromkeys(names) if name not in text]
        demand(not missing, f"README.md says nothing of {', '.join(missing)}")
