"""The contract that every plugin keeps, kept by the plugin of the documentation, with its route beside the API."""

from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

from aasim_core.testing.contract import PluginContract
from aasim_core.testing.world import Person, World

from ..docs.pages import write
from .conftest import PAGE

#: The folder has to be there when the class is made; it goes when the run ends.
FOLDER = TemporaryDirectory(prefix="aasim-protocols-")
write(PAGE.files(), Path(FOLDER.name))


def token(world: World, person: Person) -> str:
    """The token of a new address."""
    return str(person.client.post("/echo-hooks", {"name": "Orders"}).data["path"].rpartition("/")[2])


class TestContract(PluginContract):
    """What every plugin promises."""

    plugin = "echo_hooks"
    folder = Path(FOLDER.name)
    objects: ClassVar[Mapping[str, str | Callable[[World, Person], str]]] = {"token": token}
