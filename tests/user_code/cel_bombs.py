"""Expressions to attack with: some written down, and as many more as somebody asks for."""

import random
from typing import Any

_X, _LIST = "x" * 100_000, [1] * 30_000
_MACROS = ("all", "exists", "exists_one", "existsOne", "filter", "map")
SAVED, RUN, ENDS = "refused when it is saved", "refused for these values", "ends"

#: Expressions, their values, and what becomes of each.
BOMBS: dict[str, tuple[str, dict[str, Any], str]] = {
    **{f"{macro}()": (f"a.{macro}(x, a == a)", {"a": _LIST}, SAVED) for macro in _MACROS},
    "nested macros": ("a.map(b," * 40 + "a" + ")" * 40, {"a": [1, 2]}, SAVED),
    "a macro behind comments": ("a.map" + "//\n" * 300 + "(x, a)", {"a": _LIST}, SAVED),
    "a pattern": ("a.matches('(x+)+$')", {"a": _X}, SAVED),
    "a line of slashes": ("a." + "/" * 1000, {"a": 1}, SAVED),
    "open brackets": ("(" * 1000, {}, SAVED),
    "nested lists": ("[" * 500 + "]" * 500, {}, SAVED),
    "a sum of ones": ("1" + "+1" * 500, {}, SAVED),
    "open choices": ("a?b:" * 255, {"a": True, "b": True}, SAVED),
    "minus signs": ("-" * 1023, {}, SAVED),
    "a sum too long": ("+".join("s" * 500), {"s": _X}, SAVED),
    "not, and so on": ("!" * 1000 + "true", {}, ENDS),
    "a long path": ("a" + ".b" * 500, {"a": {}}, SAVED),
    "nested choices": ("a?" * 200 + "1" + ":1" * 200, {"a": True}, SAVED),
    "a long list": ("[" + ",".join("1" * 500) + "]", {}, ENDS),
    "big numbers": ("9223372036854775807 * 9223372036854775807 + 1", {}, ENDS),
    "a big double as text": ("+".join(["string(1e308)"] * 30), {}, ENDS),
    "a list of a list": ("[" + ",".join("s" * 480) + "]", {"s": _LIST}, RUN),
    "a sum of texts": ("+".join("s" * 30), {"s": _X}, RUN),
    "a doubled text": ("+".join(["(s+s)"] * 8), {"s": "x" * 300_000}, RUN),
    "a text with more and more": ("s" + "+'x'" * 30, {"s": _X * 40}, RUN),
    "a text to bytes and back": ("string(bytes(" * 12 + "s" + "))" * 12, {"s": _X * 40}, RUN),
    "a short sum": ("s + s + s + s + s + s + s + s", {"s": _X * 10}, RUN),
    "comparisons": (" && ".join(["s == s"] * 60), {"s": [1] * 1_000}, ENDS),
    "comparisons of all kinds": ("s.contains('b') || s == t || t in [s]", {"s": _X * 5, "t": _X * 5}, ENDS),
    "a search": ("s.contains(t)", {"s": _X * 10, "t": _X * 5 + "b"}, RUN),
    "a search that hides": ("s.contains('' + t)", {"s": _X * 10, "t": _X * 5 + "b"}, RUN),
    "a search in a literal": ("s.contains(\"contains('a')\" + t)", {"s": _X * 10, "t": _X}, RUN),
    "a search for a literal": ("s.contains('" + "x" * 900 + "y')", {"s": _X * 40}, ENDS),
}  # fmt: skip


_ROWS = [{"id": number, "tags": ["a"] * 5} for number in range(1_000)]
#: The same for expressions that may go through lists.
LOOPS: dict[str, tuple[str, dict[str, Any], str]] = {
    "a list in a list": ("a.map(x, a.map(y, y))", {"a": [1]}, SAVED),
    "a list in a list, in the list of another": ("a.map(x, a.all(y, y)).filter(z, z)", {"a": [1]}, SAVED),
    "a list in a list, behind comments": ("a.map(x, a.// all of them\nexists //(\n(y, y))", {"a": [1]}, SAVED),
    "nested macros": ("a.map(b," * 40 + "a" + ")" * 40, {"a": [1, 2]}, SAVED),
    "a variable of the name of a value": ("a.map(a, a)", {"a": [1]}, SAVED),
    "another macro": ("a.exists_one(x, true)", {"a": [1]}, SAVED),
    "two variables": ("a.all(i, v, true)", {"a": [1]}, SAVED),
    "a long list copied": ("a.map(x, x)", {"a": [1] * 2_100}, RUN),
    "a long list copied in parts": ("a.filter(x, x > 1) + a.map(x, x)", {"a": [1] * 1_600}, RUN),
    "two lists that are one": ("(a + a).map(x, x)", {"a": [1] * 1_100}, RUN),
    "a longer list looked through": ("a.all(x, x == 1)", {"a": [1] * 10_001}, RUN),
    "many lists looked through": (" && ".join(["a.all(x, x == 1)"] * 30), {"a": [1] * 400}, RUN),
    "one value for each item": ("a.map(x, b)", {"a": [1] * 1_000, "b": "x" * 5_000}, RUN),
    "a text for each item": ("a.all(x, '" + "y" * 900 + "' != '')", {"a": [1] * 9_000}, RUN),
    "more and more": ("a" + ".map(x, [x, x])" * 20, {"a": _ROWS[:10]}, RUN),
    "longer and longer": ("a" + ".map(x, x + x)" * 20, {"a": [[1, 2]]}, RUN),
    "a search for each item": ("a.map(x, s.contains(x))", {"a": ["y" * 1_000] * 100, "s": _X}, RUN),
    "rows of a thousand": ("a.filter(row, row.id > 990)", {"a": _ROWS}, ENDS),
    "two loops, one after the other": ("a.filter(x, x.id > 5).map(x, x.tags)", {"a": _ROWS[:30]}, ENDS),
    "the keys of an object": ("a.map(k, a[k])", {"a": {"b": 1, "c": 2}}, ENDS),
    "what has no items": ("a.map(x, x)", {"a": "x"}, ENDS),
    "a macro in a text": ("'.map(x, a.map(' + a", {"a": "x"}, ENDS),
}  # fmt: skip


def random_bomb(dice: random.Random) -> tuple[str, dict[str, Any]]:
    """An expression over two texts, a list and an object, with their values."""
    text = dice.choice(["", "x", "é", "\n"]) * dice.choice([1, 100, 10_000, 100_000, 500_000])
    values = {"s": text, "t": "b" * dice.choice([1, 1_000, 50_000]), "l": [text[:100]] * dice.choice([0, 10, 1_000])}
    make = dice.choice([_text, _truth, _list])
    return make(dice, dice.choice([1, 2, 3, 6])), {**values, "m": {"a": text, "b": values["l"]}}


def random_loop(dice: random.Random) -> tuple[str, dict[str, Any]]:
    """An expression that goes through lists, over two texts, lists and an object, with their values."""
    texts = ["x" * dice.choice([0, 1, 100, 3_000])] * dice.choice([0, 1, 4, 20])
    many = [texts, {"a": texts}] if dice.random() < 0.9 else [0] * dice.choice([500, 2_500, 12_000])
    values: dict[str, Any] = {"s": "x" * dice.choice([1, 100, 10_000]), "t": "b", "l": texts, "m": {"a": "x", "b": many}}
    made = _loop(dice, dice.choice([1, 2, 3]))
    return dice.choice(
        [made, f"[{made}, {_loop(dice, 1)}]", f"size({made}) + size({_loop(dice, 1)})", f"{{'a': {made}}}.a"]
    ), values


def _loop(dice: random.Random, depth: int) -> str:
    some = dice.choice(
        ["l", "m.b", "m", "[s, t]", "[l, l + l]", "(l + l)", "[l][0]", "m.b[0]", ".l", "[[l]][0]", "{'a': l, 'b': 2}"]
    )
    some = _loop(dice, depth - 1) if depth > 1 else some
    some = dice.choice([some, some, f"({some} + {some})", f"[{some}, l][0]", f"(true ? {some} : l)"])
    name, lines = dice.choice(["x", "y", "map"]), dice.choice(["", " ", "//,(\n"])
    one = dice.choice(
        [
            name,
            f"{name} + {name}",
            f"[{name}, {name}, l]",
            "s + s",
            "'a,b)(' + s",
            f"{{'k': {name}}}",
            "1",
            f"{name}.a",
            f"{name}[0]",
        ]
    )
    truth = dice.choice(
        ["true", f"{name} == {name}", f"string({name}).contains(s)", f"{name} in l", f"size({name}) > 0 && s == s"]
    )
    ways = [f"map({name}, {one})", f"map({name}, {truth}, {one})", f"filter({name}, {truth})"]
    if depth == 1 and dice.random() < 0.2:
        ways += [f"map({name}, l.map(z, z))", f"filter({name}, l.exists(z, z == {name}))"]
    way = dice.choice(ways).replace("(", f"{lines}(", 1)
    return f"{some}.{way}" if dice.random() < 0.9 else f"({some}.{way} + l)"


def _text(dice: random.Random, depth: int) -> str:
    if depth == 0:
        return dice.choice(["s", "t", "m.a", "l[0]", "'x'", "''", 'r"\\"', "'''\n'''", "'s+s'", "\n.s//s\n"])
    one, other = _text(dice, depth - 1), _text(dice, depth - dice.choice([1, depth]))
    ways = [
        f"{one}+{other}", f"({one} + {one})", "+".join([other] * dice.choice([2, 20, 40])), f"string(bytes({one}))",
        f"[{one},{other}][{dice.randrange(3)}]", f"({_truth(dice, depth - 1)} ? {one} : {other})", f"{{'a': {one}}}.a",
        f"string({_number(dice, depth - 1)})",
    ]  # fmt: skip
    return dice.choice(ways)


def _truth(dice: random.Random, depth: int) -> str:
    if depth == 0:
        return dice.choice(["true", "has(m.a)", "has(m.c)", "s == t", "t in l", "s.contains(t)", "1 in[s]"])
    one, other, truth = _text(dice, depth - 1), _text(dice, depth - 1), _truth(dice, depth - 1)
    some, lines = _list(dice, depth - 1), "//\n" * dice.choice([0, 1, 300])
    ways = [
        f"({one}).contains({other})", f"({one}).contains{lines}( 'xx' )", f"({one}).startsWith({other})", f"{one} == {other}",
        f"{one} in {some}", f"{some} == {some}", f"({truth}) || {one} < {other}", "!" * dice.choice([1, 600]) + f"({truth})",
        " && ".join([f"({truth})"] * dice.choice([2, 10])), f"{_number(dice, depth - 1)} > 0",
    ]  # fmt: skip
    return dice.choice([*ways, f"{some}.exists(x, {some}.all(y, {truth}))"] if dice.random() < 0.2 else ways)


def _list(dice: random.Random, depth: int) -> str:
    if depth == 0:
        return dice.choice(["l", "m.b", "[]", "[l]", "[s, t]"])
    one, inner = _list(dice, depth - 1), _list(dice, depth - 1)
    ways = [
        f"{one} + {inner}", "[" + ",".join([_text(dice, depth - 1)] * dice.choice([1, 30, 300])) + "]", f"[{one}, {inner}]",
        "+".join([one] * dice.choice([2, 20])), "[" * depth * 2 + one + "]" * depth * 2,
    ]  # fmt: skip
    return dice.choice([*ways, f"{one}.map(x, {inner}.filter(y, true))"] if dice.random() < 0.2 else ways)


def _number(dice: random.Random, depth: int) -> str:
    if depth == 0:
        return dice.choice(["0", "-1", "9223372036854775807", "0x7fffffffffffffff", "size(s)", "size(l)"])
    one, other = _number(dice, depth - 1), _number(dice, depth - 1)
    ways = [
        f"({one} {dice.choice('+-*/%')} {other})", f"size({_text(dice, depth - 1)})", f"size({_list(dice, depth - 1)})",
        f"int(string({one}))", "(" * depth * 2 + one + ")" * depth * 2,
    ]  # fmt: skip
    return dice.choice(ways)
