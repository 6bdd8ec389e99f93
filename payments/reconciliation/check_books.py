"""What a run checks once everything is booked: every difference that is left is a finding."""

from collections.abc import Mapping

from sqlalchemy import Engine

from payments.bank_settings import BankAccount
from payments.providers.connect import Providers
from payments.reconciliation.progress import Progress


def check_books(
    engine: Engine,
    *,
    providers: Providers,
    bank_accounts: Mapping[str, BankAccount],
    progress: Progress,
) -> None:
    """Make every check, and keep what it finds."""
