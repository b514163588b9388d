"""Secrets at rest: a key ring, its file, and the record of the keys' use."""

from .key_file import load_keyring, parse_keys, save_keyring
from .keyring import KEY_BYTES, Key, Keyring, Place, Secret, Unreadable, new_key

__all__ = [
    "KEY_BYTES",
    "Key",
    "Keyring",
    "Place",
    "Secret",
    "Unreadable",
    "load_keyring",
    "new_key",
    "parse_keys",
    "save_keyring",
]
