"""Statements of what really moved, in the formats banks give: camt.053, MT940 and CSV."""

from sandbox.bank.statements.write import write

__all__ = ["write"]
