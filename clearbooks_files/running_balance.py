"""A column that holds the balance after each row, checked row by row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clearbooks_files.templates import plain

if TYPE_CHECKING:
    from decimal import Decimal


class RunningBalance:
    """Whether each balance is that of its neighbour and the amount between the two.

    Banks list the newest row first or last; the rows themselves tell which.
    """

    def __init__(self) -> None:
        self._before: tuple[Decimal, Decimal] | None = None
        # The first row that does not fit, for either order.
        self._oldest_first: str | None = None
        self._newest_first: str | None = None
        self._line = 0

    def take(self, line: int, amount: Decimal, balance: Decimal) -> None:
        """Take in the next row."""
        if self._before is not None:
            earlier_amount, earlier_balance = self._before
            if earlier_balance + amount != balance:
                self._oldest_first = self._oldest_first or (
                    f"row {line}: the balance is {plain(balance)}, and that of row {self._line} "
                    f"with this amount is {plain(earlier_balance + amount)}"
                )
            if balance + earlier_amount != earlier_balance:
                self._newest_first = self._newest_first or (
                    f"row {self._line}: the balance is {plain(earlier_balance)}, and that of row "
                    f"{line} with this amount is {plain(balance + earlier_amount)}"
                )
        self._before, self._line = (amount, balance), line

    def fault(self, *, newest_first: bool) -> str | None:
        """What does not fit; None where one of the two orders fits in every row.

        Args:
            newest_first: The order that the days of the rows tell.
        """
        if self._oldest_first is None or self._newest_first is None:
            return None
        return self._newest_first if newest_first else self._oldest_first
