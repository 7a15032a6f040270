"""What must hold of an account, or else a transfer is rejected."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from yupana.enums import Operator, Side


class Quantity(StrEnum):
    """What a condition compares."""

    BALANCE = "balance"
    AVAILABLE = "available"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Compares a quantity with a value: `quantity operator value`."""

    quantity: Quantity
    operator: Operator
    value: int


@dataclass(frozen=True, slots=True)
class Condition:
    """What must hold of one of a transfer's accounts.

    Made by its class methods: `Condition.available(Side.DEBIT, at_least=100)`.
    """

    side: Side
    """Which of the two accounts."""
    test: Comparison | str
    """What to compare, or the last position that the account must still have."""

    @classmethod
    def balance(
        cls,
        side: Side,
        *,
        at_least: int | None = None,
        at_most: int | None = None,
        equal: int | None = None,
        not_equal: int | None = None,
    ) -> Self:
        """Require this of the balance after the transfer, in the asset's smallest unit.

        Exactly one comparison, else ValueError. Where it does not hold, the transfer is rejected
        as CONDITION_FAILED.
        """
        values = (at_least, at_most, equal, not_equal)
        return cls(side, Comparison(Quantity.BALANCE, *_only_one(values)))

    @classmethod
    def available(
        cls,
        side: Side,
        *,
        at_least: int | None = None,
        at_most: int | None = None,
        equal: int | None = None,
        not_equal: int | None = None,
    ) -> Self:
        """Require this of what is available after the transfer, as `balance` does."""
        values = (at_least, at_most, equal, not_equal)
        return cls(side, Comparison(Quantity.AVAILABLE, *_only_one(values)))

    @classmethod
    def unchanged(cls, side: Side, last_position: str) -> Self:
        """Require that nothing changed the account since, else reject as POSITION_CHANGED.

        Args:
            side: Which of the two accounts.
            last_position: `Account.last_position`, as a read returned it. In a chain or payment the
                members before this one count as changes too.
        """
        return cls(side, last_position)


def _only_one(values: tuple[int | None, ...]) -> tuple[Operator, int]:
    """Return the one comparison that was given; the values are in the order of the operators."""
    given = [
        (operator, value)
        for operator, value in zip(Operator, values, strict=True)
        if value is not None
    ]
    if len(given) != 1:
        raise ValueError("give exactly one of at_least, at_most, equal and not_equal")
    return given[0]
