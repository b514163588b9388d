"""Every type of input field: strict, without coercion, and with a message that says what to write instead."""

from .containers import Json, ListOf, Object
from .formats import Cidr, Date, Email, Id, Instant, Locale, Slug, Timezone, Url
from .scalars import Boolean, Choice, Integer, Number, Patterned, Secret, Strict, Text, Word, wrong

__all__ = [
    "Boolean",
    "Choice",
    "Cidr",
    "Date",
    "Email",
    "Id",
    "Instant",
    "Integer",
    "Json",
    "ListOf",
    "Locale",
    "Number",
    "Object",
    "Patterned",
    "Secret",
    "Slug",
    "Strict",
    "Text",
    "Timezone",
    "Url",
    "Word",
    "wrong",
]
