"""Find characters that people do not see and models read, which can hide instructions."""

import unicodedata

#: Letters and symbols that are shown as nothing: fillers of Hangul, the blank pattern of Braille, a separator of Mongolian.
_BLANK = frozenset("\u115f\u1160\u3164\uffa0\u2800\u180e\u034f")
_JOINERS = frozenset("\u200c\u200d")
#: Scripts in which joiners change the form of letters, by how the names of their letters begin.
_JOINED_SCRIPTS = ("ARABIC", "SYRIAC", "MONGOLIAN", "DEVANAGARI", "BENGALI", "GURMUKHI", "GUJARATI", "ORIYA", "TAMIL", "TELUGU",
                   "KANNADA", "MALAYALAM", "SINHALA", "KHMER", "MYANMAR", "TIBETAN")  # fmt: skip
_FLAG, _END_OF_FLAG = "\U0001f3f4", "\U000e007f"


def hidden_in(text: str) -> str | None:
    """What is hidden in the text first, as ``U+202E RIGHT-TO-LEFT OVERRIDE at character 12``; None where everything can be seen."""
    if text.isascii():
        return None
    for number, character in enumerate(text):
        if _is_hidden(text, number, character):
            name = unicodedata.name(character, "a character without a name")
            return f"U+{ord(character):04X} {name} at character {number + 1}"
    return None


def _is_hidden(text: str, number: int, character: str) -> bool:
    before = text[number - 1] if number else ""
    if character in _JOINERS:
        return not _joins(before, text[number + 1 : number + 2])
    if _is_variation(character):
        return not before or _is_variation(before) or before.isspace()
    if _is_tag(character):
        return not _is_in_flag(text, number)
    return character in _BLANK or unicodedata.category(character) in ("Cf", "Co", "Cn")


def _joins(before: str, after: str) -> bool:
    """Whether a joiner between the two changes what is seen: between emoji, and in scripts that have joined forms."""
    return all(each and (_is_symbol(each) or unicodedata.name(each, "").startswith(_JOINED_SCRIPTS)) for each in (before, after))


def _is_symbol(character: str) -> bool:
    return unicodedata.category(character) in ("So", "Sk") or _is_variation(character) or character in "♀♂⚕⚖✈❤"


def _is_variation(character: str) -> bool:
    return "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef"


def _is_tag(character: str) -> bool:
    return "\U000e0020" <= character <= "\U000e007f"


def _is_in_flag(text: str, number: int) -> bool:
    """Whether the tag belongs to the flag of a region, such as Scotland's: up to six of them between a black flag and the end of it."""
    start = text.rfind(_FLAG, max(0, number - 7), number)
    end = text.find(_END_OF_FLAG, number, number + 7)
    return start >= 0 and end >= 0 and end - start <= 7 and all(map(_is_tag, text[start + 1 : end + 1]))
