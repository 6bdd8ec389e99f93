"""Lines that the bank itself marks as its charges, by its transaction code."""

from collections.abc import Iterator

from payments.reconciliation.accounts import BANK_FEES
from payments.reconciliation.matching.board import Board
from payments.reconciliation.matching.model import CERTAINTY, Match, Part, Policy, Rule


def by_bank_code(board: Board, policy: Policy) -> Iterator[list[Match]]:  # noqa: ARG001 - a rule
    """The bank's code says that this is what the bank takes, or gives back of it."""
    for line in board.open_lines():
        if line.is_bank_charge:
            parts = (Part(line.amount, account=BANK_FEES),)
            certainty = CERTAINTY[Rule.BANK_CHARGE]
            yield [Match(line.id, parts, Rule.BANK_CHARGE, certainty, "charge by the bank's code")]
