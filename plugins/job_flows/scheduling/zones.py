"""Time zones: the rules by which a due time was computed, so that it is recomputed when they change."""

import zoneinfo
from functools import lru_cache
from hashlib import sha256
from importlib import resources
from pathlib import Path


def digest_of(timezone: str) -> str:
    """Tells the rules of the zone, as the time zone database of this process has them; raises `ZoneInfoNotFoundError`."""
    return _digest(timezone, zoneinfo.TZPATH)


@lru_cache(maxsize=1024)
def _digest(timezone: str, paths: tuple[str, ...]) -> str:
    zoneinfo.ZoneInfo(timezone)  # or there is no such zone
    files = [Path(path) / timezone for path in paths]
    found = next((file.read_bytes() for file in files if file.is_file()), None)
    return sha256(found if found is not None else _packaged(timezone)).hexdigest()[:16]


def _packaged(timezone: str) -> bytes:
    """The rules as the package `tzdata` has them, where the system has none."""
    folder, _, name = f"tzdata.zoneinfo.{timezone.replace('/', '.')}".rpartition(".")
    return resources.files(folder).joinpath(name).read_bytes()
