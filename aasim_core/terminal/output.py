"""Terminal output of long work: progress lines and bars; plain lines where nobody watches."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TextIO

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Table
from rich.text import Text

#: Takes what is being done, how much of it is done and how much there is (None if unknown).
Report = Callable[[str, int, int | None], None]

_SECONDS_BETWEEN_LINES = 5
_WIDTH_OF_A_PIPE = 250  # it has none that lines must be broken for


def print_table(titles: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write rows below their titles; cells are texts, or what rich shows, and without a title the table has no head."""
    table = Table(box=None, header_style="bold", pad_edge=False, show_header=any(titles))
    for title in titles:
        table.add_column(title, overflow="fold")
    for row in rows:
        table.add_row(*row)
    console = Console(file=sys.stdout)
    console.width = console.width if console.is_terminal else _WIDTH_OF_A_PIPE
    console.print(table)


class Terminal:
    """Lines for the person who started a command."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._console = Console(file=stream or sys.stdout, highlight=False, soft_wrap=True)

    def done(self, text: str) -> None:
        """Tick off one piece of work."""
        self._console.print(Text.assemble(("✓ ", "green"), text))

    def trouble(self, text: str) -> None:
        """Report a problem that does not stop the work."""
        self._console.print(Text.assemble(("! ", "bold yellow"), text))

    def wrong(self, text: str) -> None:
        """Say what has to be fixed first."""
        self._console.print(Text.assemble(("✗ ", "bold red"), text))

    def skipped(self, text: str) -> None:
        """Say what was not done."""
        self._console.print(Text.assemble(("– ", "dim"), text))

    def say(self, text: str = "", style: str = "") -> None:
        """Write a line."""
        self._console.print(Text(text, style))

    @contextmanager
    def working(self, what: str) -> Iterator[Report]:
        """Show the progress of `what`; reports of the work move a bar."""
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
