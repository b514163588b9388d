"""What a person at a terminal sees of long work: lines that tick off, bars that move; plain lines where nobody watches."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, SpinnerColumn, TextColumn
from rich.text import Text

#: Takes what is being done, how much of it is done and how much there is (None if unknown).
Report = Callable[[str, int, int | None], None]

_SECONDS_BETWEEN_LINES = 5


class Terminal:
    """Lines for the person who started a command."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._console = Console(file=stream or sys.stdout, highlight=False, soft_wrap=True)

    def done(self, text: str) -> None:
        """Tick off one piece of work."""
        self._console.print(Text.assemble(("✓ ", "green"), text))

    def trouble(self, text: str) -> None:
        """Say what went wrong and goes on all the same."""
        self._console.print(Text.assemble(("! ", "bold yellow"), text))

    def say(self, text: str = "", style: str = "") -> None:
        """Write a line."""
        self._console.print(Text(text, style))

    @contextmanager
    def working(self, what: str) -> Iterator[Report]:
        """Show that `what` goes on; what the work reports moves a bar."""
        if not self._console.is_terminal:
            yield self._plain_report()
            return
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), DownloadColumn())
        with Progress(*columns, console=self._console, transient=True) as bars:
            task = bars.add_task(what, total=None)
            yield lambda text, amount, total: bars.update(task, description=text, completed=amount, total=total)

    def _plain_report(self) -> Report:
        last = ("", 0.0)

        def report(text: str, amount: int, total: int | None) -> None:
            nonlocal last
            if text != last[0] or time.monotonic() - last[1] > _SECONDS_BETWEEN_LINES:
                last = (text, time.monotonic())
                self.say(f"  {text}: {100 * amount // total} %" if total else f"  {text}")

        return report
