"""Running the examples of a page as one program, as a person does who copies them block by block."""

import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .pages import Page, Step

COMMAND = str(Path(sys.executable).with_name("aasim"))
#: The address and the person of the examples.
ADDRESS, EMAIL, PASSWORD = "http://127.0.0.1:8000", "ada@example.com", "correct horse battery staple"
#: Where the quickstart's reader has started a model.
MODEL_HOST = "http://127.0.0.1:8080/v1"
_PEOPLE = re.compile(r"\b(ada|joan)@")
#: What a program prints between two examples.
BETWEEN = "\x1e"
#: What a page may take; the longest one takes a tenth of it.
SECONDS = 60


@dataclass(frozen=True)
class Platform:
    """A running installation."""

    port: int
    folder: Path
    model_host: str

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def run(self, name: str, steps: Sequence[Step]) -> list[str]:
        """What each step printed; the people of the page are those of this name.

        AssertionError with everything that was said, when a command fails; TimeoutExpired after `SECONDS`.
        """
        script = f"\nprintf '{BETWEEN}'\n".join(["set -euo pipefail", *(step.commands for step in steps)])
        return self.outputs(["bash", "-c", self.here(name, script)], name, steps)

    def introduce(self, name: str, page: Page) -> None:
        """Register the Ada of this name, unless the page does."""
        if "/auth/register" not in page.text:
            self.run(name, [Step(0, _REGISTRATION)])

    def here(self, name: str, script: str) -> str:
        """A script for this installation, and the people of this name."""
        return _PEOPLE.sub(rf"\1.{name}@", script.replace(ADDRESS, self.address).replace(MODEL_HOST, self.model_host))

    def outputs(self, command: Sequence[str], name: str, steps: Sequence[Step]) -> list[str]:
        """What a program printed for each step, which has to end well."""
        ended = subprocess.run(
            command, cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS, check=False
        )
        outputs = ended.stdout.replace(self.address, ADDRESS).replace(f".{name}@", "@").split(BETWEEN)[1:]
        assert ended.returncode == 0, self._story(steps, outputs, ended)
        return outputs

    def _story(self, steps: Sequence[Step], outputs: Sequence[str], ended: "subprocess.CompletedProcess[str]") -> str:
        step = steps[max(0, len(outputs) - 1)]
        return f"line {step.line}: {step.commands}\nexit code {ended.returncode}\n{outputs[-1:]}\n{ended.stderr}"


_REGISTRATION = f"""\
curl -sS --fail-with-body {ADDRESS}/api/v1/auth/register -H 'Content-Type: application/json' -o /dev/null \\
  -d '{{"name": "Ada Lovelace", "email": "{EMAIL}", "password": "{PASSWORD}"}}'"""
