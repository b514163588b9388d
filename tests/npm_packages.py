"""Packages of npm that tests use, in the versions of a folder's lock."""

import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

from .clients.toolbox import alone


def installed(folder: Path) -> Path:
    """The `node_modules` of a folder with a lock: npm installs them once for each lock file, beside the packages of Python."""
    lock = (folder / "package-lock.json").read_bytes()
    place = Path(sys.prefix) / "npm" / sha256(lock).hexdigest()[:16]
    place.mkdir(parents=True, exist_ok=True)
    with alone(place):
        if not (place / "complete").exists():
            for name in ("package.json", "package-lock.json"):
                shutil.copy(folder / name, place)
            subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=place, check=True, timeout=1800)
            (place / "complete").touch()
    return place / "node_modules"
