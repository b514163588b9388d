"""The part of each factor in the change of a product: its Shapley value (L. S. Shapley: A value for n-person games, 1953).

A factor's part is what its change adds, on average over all orders in which the factors can change. So the parts sum to the change, no
order is preferred, and the change back has the same parts with the other sign.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import factorial, prod
from typing import TypeVar

_Key = TypeVar("_Key")


def parts_of_change(before: Sequence[Fraction], after: Sequence[Fraction]) -> list[Fraction]:
    """The part of each factor in the product of those after, less the product of those before."""
    count = len(before)
    products = [
        prod((new if chosen >> place & 1 else old) for place, (old, new) in enumerate(zip(before, after, strict=True)))
        for chosen in range(1 << count)
    ]
    weights = [Fraction(factorial(size) * factorial(count - size - 1), factorial(count)) for size in range(count)]
    return [
        sum(
            (
                weights[chosen.bit_count()] * (products[chosen | 1 << place] - products[chosen])
                for chosen in range(1 << count)
                if not chosen >> place & 1
            ),
            Fraction(0),
        )
        for place in range(count)
    ]


def whole(parts: Mapping[_Key, Fraction]) -> dict[_Key, int]:
    """The parts in whole numbers with the same sum, which is one; with the other signs they are the same with the other signs.

    What the parts lack when they are cut off goes to those that lost most, of equal ones to the first.
    """
    cut = {key: int(part) for key, part in parts.items()}  # towards zero, so that signs do not matter
    lack = sum(parts.values(), Fraction(0)) - sum(cut.values())
    sign = 1 if lack > 0 else -1
    lost = sorted(parts, key=lambda key: -sign * (parts[key] - cut[key]))
    for key in lost[: abs(int(lack))]:
        cut[key] += sign
    return cut
