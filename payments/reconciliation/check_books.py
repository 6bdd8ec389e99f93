"""What a run checks once everything is booked: every difference that is left is a finding."""

import datetime as dt
from collections.abc import Iterator, Sequence

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from payments.providers.connect import Providers
from payments.reconciliation import check_own_books
from payments.reconciliation.check_balances import find_bank_drift, find_provider_drift
from payments.reconciliation.compare_banks import compare_bank, scope_of
from payments.reconciliation.compare_stripe import find_odd_transactions, find_stripe_drift
from payments.reconciliation.findings import Found, count_open, keep_findings
from payments.reconciliation.progress import Progress
from payments.reconciliation.request_run import DATE_WINDOW_DAYS


def check_books(engine: Engine, *, providers: Providers, progress: Progress) -> None:
    """Make every check, and keep what it finds.

    A provider that does not answer leaves its findings as they are.
    """
    for scope, found in _of_our_own(engine, now=progress.now()):
        _keep(progress, scope, found)
    for scope, answered in _of_providers(engine, providers, progress):
        if answered is None:
            progress.step(lambda _session: {"providers_silent": 1})
        else:
            _keep(progress, scope, answered)
    with Session(engine) as session:
        is_open = count_open(session)
    progress.note({"findings_open": is_open})


def _of_our_own(engine: Engine, *, now: dt.datetime) -> Iterator[tuple[str, Sequence[Found]]]:
    for scope, check in check_own_books.CHECKS.items():
        with Session(engine) as session:
            found = check(session, now=now)
        yield scope, found
    with Session(engine) as session:
        drift, odd = find_bank_drift(session), find_odd_transactions(session, now=now)
    yield "balance:bank:", drift
    yield "stripe:transaction:", odd


def _of_providers(
    engine: Engine, providers: Providers, progress: Progress
) -> Iterator[tuple[str, Sequence[Found] | None]]:
    now = progress.now()
    days = max(DATE_WINDOW_DAYS, progress.date_window_days)
    for name, bank in providers.banks.items():
        if bank.capabilities.lists_transactions:
            for currency in sorted(bank.capabilities.currencies):
                found = compare_bank(engine, bank, currency, days=days, now=now)
                yield scope_of(name, currency), found
    yield from find_provider_drift(engine, providers, now=now).items()
    yield "stripe:balance:", find_stripe_drift(engine, providers.stripe, now=now)


def _keep(progress: Progress, scope: str, found: Sequence[Found]) -> None:
    progress.step(
        lambda session: keep_findings(
            session, scope, found, run_id=progress.run_id, now=progress.now()
        )
    )
