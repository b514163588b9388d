"""The key file: private, checked when it is read, and followed by processes that run."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from aasim_core.errors import StartupError
from aasim_core.secrets import Keyring, Place, Secret, Unreadable, load_keyring, new_key, parse_keys, save_keyring

PLACE = Place("connected_apps_app", "token", "organization_a", "app_1")


@pytest.fixture
def keyring() -> Keyring:
    return Keyring([new_key()])


def test_a_saved_ring_is_read_back_and_private(tmp_path: Path, keyring: Keyring) -> None:
    path = tmp_path / "keys.json"
    save_keyring(keyring.rotated(), path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_keyring(path).open(keyring.seal(Secret("hush"), PLACE), PLACE).reveal() == "hush"
    assert [file.name for file in tmp_path.iterdir()] == ["keys.json"]


@pytest.mark.parametrize("mode", [0o604, 0o606, 0o620, 0o644, 0o602, 0o601])
def test_a_key_file_that_others_can_touch_stops_the_start(tmp_path: Path, keyring: Keyring, mode: int) -> None:
    path = tmp_path / "keys.json"
    save_keyring(keyring, path)
    path.chmod(mode)
    with pytest.raises(StartupError, match=f"run: chmod 600 {path}"):
        load_keyring(path)


def test_an_absent_key_file_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match="there is no key file"):
        load_keyring(tmp_path / "keys.json")


def test_a_folder_in_the_place_of_the_key_file_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(StartupError):
        load_keyring(tmp_path)


GOOD_KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not JSON"),
        ("nonsense hunter2", "not JSON"),
        ("[]", "a part is missing"),
        ("{}", "a part is missing"),
        ('{"keys": []}', "at least one key"),
        ('{"keys": [{"id": "k1"}]}', "a part is missing"),
        ('{"keys": [{"id": "k1", "key": "c2hvcnQ"}]}', "32 bytes"),
        ('{"keys": [{"id": "k1", "key": 5}]}', "32 bytes"),
        ('{"keys": [{"id": "k1", "key": "%%%%"}]}', "not base64url"),
        (json.dumps({"keys": [{"id": "k1", "key": "A" * 43}]}), "example"),
        (json.dumps({"keys": [{"id": "k 1", "key": GOOD_KEY}]}), "letters and digits"),
        (json.dumps({"keys": [{"id": "k1", "key": GOOD_KEY}] * 2}), "same id"),
    ],
)
def test_a_malformed_ring_stops_the_start_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(StartupError, match=reason) as caught:
        parse_keys(text, "secrets.keys")
    assert "hunter2" not in str(caught.value)
    assert "secrets.keys" in str(caught.value)


def test_a_running_process_opens_at_once_what_another_sealed_with_a_new_key(tmp_path: Path, keyring: Keyring) -> None:
    path = tmp_path / "keys.json"
    save_keyring(keyring, path)
    running = load_keyring(path)
    old = running.seal(Secret("old"), PLACE)
    save_keyring(keyring.rotated(), path)
    sealed = load_keyring(path).seal(Secret("new"), PLACE)
    assert running.open(sealed, PLACE).reveal() == "new"
    assert running.open(old, PLACE).reveal() == "old"
    assert running.reseal(old, PLACE) is not None


def test_a_running_process_uses_a_new_key_within_seconds(
    tmp_path: Path, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "keys.json"
    save_keyring(keyring, path)
    running = load_keyring(path)
    assert running.key_ids == keyring.key_ids
    rotated = keyring.rotated()
    save_keyring(rotated, path)
    later = time.monotonic() + 6
    monkeypatch.setattr("aasim_core.secrets.key_file.monotonic", lambda: later)
    assert running.key_ids == rotated.key_ids


def test_a_running_process_verifies_what_another_signed_with_a_new_key(tmp_path: Path, keyring: Keyring) -> None:
    path = tmp_path / "keys.json"
    save_keyring(keyring, path)
    running = load_keyring(path)
    assert running.key_ids == keyring.key_ids
    save_keyring(keyring.rotated(), path)
    signature = load_keyring(path).sign("cursor", b"page 2")
    assert running.verify("cursor", b"page 2", signature)


def test_what_was_forged_makes_a_process_look_at_the_file_no_more_than_once_a_second(
    tmp_path: Path, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "keys.json"
    save_keyring(keyring, path)
    running = load_keyring(path)
    start = time.monotonic()
    monkeypatch.setattr("aasim_core.secrets.key_file.monotonic", lambda: start)
    assert not running.verify("cursor", b"page 2", b"forged")
    save_keyring(keyring.rotated(), path)
    signature = load_keyring(path).sign("cursor", b"page 2")
    assert not running.verify("cursor", b"page 2", signature)
    monkeypatch.setattr("aasim_core.secrets.key_file.monotonic", lambda: start + 1.1)
    assert running.verify("cursor", b"page 2", signature)


@pytest.mark.parametrize("spoil", [Path.unlink, lambda path: path.write_text("{}"), lambda path: path.chmod(0o644)])
def test_a_running_process_keeps_its_keys_when_the_file_is_spoilt(tmp_path: Path, spoil: Callable[[Path], object]) -> None:
    path = tmp_path / "keys.json"
    save_keyring(Keyring([new_key()]), path)
    running = load_keyring(path)
    sealed = running.seal(Secret("hush"), PLACE)
    spoil(path)
    with pytest.raises(Unreadable):
        running.open(sealed.replace(running.key_ids[0], "k2"), PLACE)
    assert running.open(sealed, PLACE).reveal() == "hush"
