"""Deprecated hooks: they still work, and whoever implements one is told what to write instead, and where."""

from typing import Any

import pytest

from aasim_core.hookspecs import Deprecated

OFFERED = """
from aasim_core.hookspecs import Deprecated, hookspec

scorers = Deprecated("graders", since="1.1", until="2.0", instead="Implement scorers.")
no_app = Deprecated("app of scorers", since="1.2", until="2.0", instead="Do without it.")

@hookspec(warn_on_impl=scorers)
def graders(app): ...

@hookspec(warn_on_impl_args={"app": no_app})
def scorers(app): ...
"""


def test_whoever_implements_a_deprecated_hook_is_told_and_the_hook_works(site: Any) -> None:
    site.bundle("rubrics", files={"hookspecs.py": OFFERED})
    folder = site.bundle("polite", "\n@hookimpl\ndef graders(app):\n    return ['polite']", requires=("rubrics",))
    sentence = r"^graders is deprecated since the plugin API 1\.1, and 2\.0 is without it\. Implement scorers\.$"
    with pytest.warns(Deprecated, match=sentence) as told:
        plugins = site.load()
    assert plugins.hook.graders(app=None) == [["polite"]]
    lines = (folder / "__init__.py").read_text().splitlines()
    assert {(warning.filename, lines[warning.lineno - 1]) for warning in told} == {(str(folder / "__init__.py"), "@hookimpl")}


def test_whoever_takes_a_deprecated_parameter_is_told(site: Any) -> None:
    site.bundle("rubrics", files={"hookspecs.py": OFFERED})
    site.bundle("polite", "@hookimpl\ndef scorers(app):\n    return ['polite']", requires=("rubrics",))
    with pytest.warns(Deprecated, match=r"^app of scorers is deprecated since the plugin API 1\.2"):
        site.load()


def test_nobody_else_is_told(site: Any, recwarn: pytest.WarningsRecorder) -> None:
    site.bundle("rubrics", files={"hookspecs.py": OFFERED})
    site.bundle("polite", "@hookimpl\ndef scorers():\n    return ['polite']", requires=("rubrics",))
    site.load()
    assert [warning for warning in recwarn if warning.category is Deprecated] == []


def test_people_are_told_without_asking_for_it() -> None:
    """Python shows this kind of warnings unless somebody turns it off, and hides ``DeprecationWarning``."""
    assert issubclass(Deprecated, FutureWarning)
