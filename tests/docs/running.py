"""Running the commands of a page as one script, as a person does who copies them block by block."""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .pages import Step

COMMAND = str(Path(sys.executable).with_name("aasim"))
#: The address and the person of the examples.
ADDRESS, EMAIL, PASSWORD = "http://127.0.0.1:8000", "ada@example.com", "correct horse battery staple"
_BETWEEN = "\x1e"
_SECONDS = 120


@dataclass(frozen=True)
class Platform:
    """A running installation."""

    port: int
    folder: Path

    def run(self, name: str, steps: Sequence[Step], *, registered: bool) -> list[str]:
        """What each step printed; each page has a person of its own, who is registered first where the page does not do it.

        AssertionError with everything that was said, when a command fails.
        """
        given = [Step(0, _REGISTRATION)] if registered else []
        script = f"\nprintf '{_BETWEEN}'\n".join(["set -euo pipefail", *(step.commands for step in (*given, *steps))])
        address, person = f"http://127.0.0.1:{self.port}", f"ada.{name}@"
        script = script.replace(ADDRESS, address).replace("ada@", person)
        ended = subprocess.run(["bash"], input=script, capture_output=True, text=True, timeout=_SECONDS, check=False)
        outputs = ended.stdout.replace(address, ADDRESS).replace(person, "ada@").split(_BETWEEN)[1 + len(given) :]
        assert ended.returncode == 0, self._story(steps, outputs, ended)
        return outputs

    def _story(self, steps: Sequence[Step], outputs: Sequence[str], ended: "subprocess.CompletedProcess[str]") -> str:
        step = steps[max(0, len(outputs) - 1)]
        return f"line {step.line}: {step.commands}\nexit code {ended.returncode}\n{outputs[-1:]}\n{ended.stderr}"


_REGISTRATION = f"""\
curl -sf {ADDRESS}/api/v1/auth/register -H 'Content-Type: application/json' -o /dev/null \\
  -d '{{"name": "Ada Lovelace", "email": "{EMAIL}", "password": "{PASSWORD}"}}'"""
