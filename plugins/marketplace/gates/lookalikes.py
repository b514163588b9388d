"""Find titles that look alike: equal skeletons, however they are written."""

import unicodedata
from functools import cache

#: Letters and digits that are taken for each other, and pairs that are taken for one letter.
_ALIKE = str.maketrans({"0": "o", "1": "l", "i": "l", "|": "l", "!": "l", "5": "s", "$": "s", "3": "e", "@": "a", "8": "b"})
_PAIRS = (("rn", "m"), ("vv", "w"), ("cl", "d"))


def key_of(title: str) -> str:
    """The same text for titles that look alike: without accents, spaces and signs, in the Latin letters that others look like."""
    decomposed = unicodedata.normalize("NFKD", "".join(map(_latin, unicodedata.normalize("NFKC", title).casefold())))
    letters = "".join(map(_latin, decomposed)).casefold().translate(_ALIKE)
    kept = "".join(character for character in letters if character.isalnum())
    for pair, one in _PAIRS:
        kept = kept.replace(pair, one)
    return kept or title


@cache
def _latin(character: str) -> str:
    """The small Latin letter or the digit that the character looks like; itself where it looks like none."""
    if character.isascii():
        return character
    from confusable_homoglyphs import confusables  # type: ignore[import-untyped] # its tables are read when needed

    alike = confusables.confusables_data.get(character, ())
    return next(
        (each["c"].casefold() for each in alike if len(each["c"]) == 1 and each["c"].isascii() and each["c"].isalnum()), character
    )
