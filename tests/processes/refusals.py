"""Commands that have to end by themselves: with which exit code, and what they say."""

from collections.abc import Sequence

from .installation import Installation

#: sysexits.h
UNAVAILABLE, STORAGE, NO_PERMISSION, CONFIGURATION = 69, 74, 77, 78


def refused(installation: Installation, *arguments: str, code: int, under: Sequence[str] = (), **settings: str) -> str:
    """Run the command, which must end by itself with the code; returns what it said on standard error."""
    done = installation.run(*arguments, under=under, **settings)
    assert done.returncode == code, done
    assert "Traceback" not in done.stdout + done.stderr
    assert list((installation.folder / "tmp").glob("aasim-*.log")) == [], "nobody foresaw it"
    return done.stderr.rstrip("\n")
