"""``aasim plugins check`` finds the names that a plugin writes and nobody declares."""

from typing import Any

import pytest
from click.testing import CliRunner

from aasim_core.commands.plugins import group
from aasim_core.errors import Problem, StartupError
from aasim_core.settings import Settings

pytestmark = pytest.mark.long

EVENTS = """
from aasim_core import Event, Listener
@hookimpl
def events(app): return [Event("notes.created", "A note was created.", "note"), Event("notes.*", "What happens to notes.", data=None)]
"""
LISTENS = """
from aasim_core import Listener
def tell(event): ...
@hookimpl
def listeners(app): return [Listener({pattern!r}, tell)]
"""


def found(site: Any, name: str = "notes") -> list[str]:
    """What the check finds in the plugin of the folder."""
    file = site.path / "aasim.toml"
    file.write_text(f'[plugins]\nenabled = ["{name}"]\nfolder = "{site.dropins}"\n')
    settings = Settings.load({"data_dir": str(site.path / "var")}, config=file)
    error = CliRunner().invoke(group, ["check"], obj=settings).exception
    assert error is None or isinstance(error, StartupError), error
    return list(error.problems) if error else []


def test_a_listener_to_a_misspelled_plugin_is_told_of_the_nearest_event(site: Any) -> None:
    site.bundle("executions", EVENTS.replace("notes", "executions").replace("created", "failed"))
    site.drop("notes", LISTENS.format(pattern="execution.failed"))
    assert found(site) == [
        "Plugin notes listens to execution.failed, and no plugin execution was found; "
        'did you mean "executions.failed"? (notes/__init__.py:7).'
    ]


@pytest.mark.parametrize("pattern", ["*", "*.failed", "custom.paid", "executions.failed", "crm.created"])
def test_a_listener_may_name_what_is_off_and_an_optional_plugin_that_is_not_installed(site: Any, pattern: str) -> None:
    site.install("aasim-executions", "executions")
    site.drop("notes", LISTENS.format(pattern=pattern), uses=("crm",))
    assert found(site) == []


def test_an_optional_plugin_is_to_be_named_in_the_manifest(site: Any) -> None:
    site.drop("notes", LISTENS.format(pattern="crm.created"))
    assert found(site) == [
        'Plugin notes listens to crm.created, and no plugin crm was found; name an optional plugin in the manifest: uses=("crm",) '
        "(notes/__init__.py:7)."
    ]


RAISES = """
from aasim_core import Problem, Refused
def refuse():
    Problem("invalid_choise", "No.")
    raise Refused({code}, message="No.")
"""


def test_an_error_code_that_the_core_does_not_have_is_told_with_its_line_and_the_nearest(site: Any) -> None:
    site.drop("notes", files={"service.py": RAISES.format(code='code="conflict"')})
    assert found(site) == [
        "Plugin notes raises the error code invalid_choise, which is none of the core's; write one of docs/reference/error-codes.md, "
        "or raise the object ErrorCode(…) that the hook error_codes returns; the nearest are invalid_choice, invalid_token, invalid_state "
        "(notes/service.py:4)."
    ]


def test_an_own_error_code_is_raised_as_the_object(site: Any) -> None:
    declares = 'from aasim_core import ErrorCode\nFULL = ErrorCode("notes_full", 409, "it is full", "delete some", example="It is full.")\n'
    body = f"{declares}@hookimpl\ndef error_codes(app): return [FULL]\n"
    site.drop("notes", body, files={"service.py": RAISES.replace("choise", "choice").format(code='"notes_full"')})
    assert found(site) == [
        "Plugin notes raises its error code notes_full as a text; write the object ErrorCode(…) itself (notes/service.py:5)."
    ]


def test_functions_of_the_plugin_that_are_named_alike_are_its_own(site: Any) -> None:
    site.drop("notes", files={"service.py": RAISES.replace("from aasim_core", "from .own").format(code='"no_such"')})
    assert found(site) == []


def test_a_file_that_does_not_compile_and_is_never_imported_is_left_out(site: Any) -> None:
    site.drop("notes", files={"template.py": "from {{ name }} import Refused"})
    assert found(site) == []


def test_an_event_that_nobody_declares_is_told_with_its_line_and_the_nearest(site: Any) -> None:
    emits = 'from aasim_core import emit\ndef tell(note):\n    emit("notes.created", note)\n    emit("nots.created", note)\n'
    site.drop("notes", EVENTS, files={"service.py": emits})
    assert found(site) == [
        "Plugin notes emits the event nots.created, which nobody declares; return it from the hook events; "
        'did you mean "notes.created"? (notes/service.py:4).'
    ]


def test_a_code_that_is_made_up_names_the_list_of_the_core() -> None:
    with pytest.raises(
        LookupError, match=r"'no_such' is not an error code of the core; write one of docs/reference/error-codes.md, or"
    ):
        Problem("no_such", "No.")
