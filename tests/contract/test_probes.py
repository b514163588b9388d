"""Of each hook that a bundled plugin offers there is a probe, with which the contract suite finds what is used where it is off."""

from pathlib import Path

from aasim_core.bootstrap import build_app
from aasim_core.plugins.loading.hook_manager import offered_hooks
from aasim_core.testing.apps import settings_in
from aasim_core.testing.switched_off.probes import probes_of


def test_every_hook_of_a_bundled_plugin_has_a_probe(tmp_path: Path) -> None:
    app = build_app(settings_in(tmp_path, {}))
    assert [hook for hook in offered_hooks(app.plugins) if not probes_of(app, hook)] == []
