"""Slugs: lower-case words with hyphens, made from titles; and names of copies."""

import re
import unicodedata
from collections.abc import Callable, Collection
from secrets import token_hex

_MOST = 60


def slug_of(name: str, otherwise: str) -> str:
    """The name in small letters, digits and hyphens; `otherwise` where nothing of it is left."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:_MOST].strip("-") or otherwise


def free_slug(slug: str, is_taken: Callable[[str], bool], lock: Callable[[str], None], space: str) -> str:
    """The slug itself, or with a few characters more where somebody has it already.

    `lock` is the database's: until the running transaction ends, nobody else takes a free slug of the same `space`.
    """
    lock(f"slugs of {space}")
    return f"{slug[: _MOST - 9].strip('-')}-{token_hex(4)}" if is_taken(slug) else slug


def free_name(name: str, taken: Collection[str]) -> str:
    """The name itself, or the first of 'name (copy)', 'name (copy 2)' … that is not `taken`; a long name is cut for it."""
    start = name[:100]
    candidates = [name, f"{start} (copy)", *(f"{start} (copy {number})" for number in range(2, len(taken) + 3))]
    return next(candidate for candidate in candidates if candidate not in taken)
