"""The ledger against a model of it in plain Python, through random histories.

The model is a dictionary of balances and a list of what was posted; it knows no batches, locks,
savepoints or rolled sums. Whatever hypothesis thinks of, both must agree after every step.
"""

import datetime as dt
import itertools
from dataclasses import dataclass, field

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Engine

import ledger
from ledger import AccountSpec, Entry, Posted, Posting
from ledger.errors import LedgerError
from payments.database import connect_engine

EPOCH = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
_runs = itertools.count()


@dataclass
class ModelAccount:
    """One account as the model sees it."""

    id: int
    asset: str
    side: int
    floor: int | None
    balance: int = 0
    held: int = 0
    history: list[tuple[dt.datetime, int]] = field(default_factory=list)

    def allows(self, change: int) -> bool:
        if self.floor is None:
            return True
        return self.side * (self.balance + change) - self.held >= self.floor


@dataclass
class ModelEntry:
    """One entry that was posted, by its key."""

    entry: Entry
    id: int
    reversed: bool = False


@dataclass
class ModelHold:
    """An open hold: on which account, what is left of it, and until when."""

    place: int
    left: int
    expires_at: dt.datetime | None


class LedgerModel(RuleBasedStateMachine):
    """Random transfers, batches with bad entries, holds, reversals, closes and rolls."""

    engine: Engine

    entries = Bundle("entries")
    holds = Bundle("holds")

    @initialize()
    def open_accounts(self) -> None:
        self.run = next(_runs)
        # Closing is for ever and for all: each run lives after the one before.
        self.start = EPOCH + self.run * 1000 * HOUR
        self.closed = self.start - HOUR
        self.keys = itertools.count()
        self.known: dict[str, ModelEntry] = {}
        self.open_holds: dict[int, ModelHold] = {}
        self.now = self.start
        specs = [
            AccountSpec(f"assets:run{self.run}:hot", "USD", "deferred"),
            AccountSpec(f"assets:run{self.run}:strict", "USD"),
            AccountSpec(f"liabilities:run{self.run}:one", "USD", floor=0),
            AccountSpec(f"liabilities:run{self.run}:two", "USD", floor=-50),
            AccountSpec(f"assets:run{self.run}:euro", "EUR", floor=0),
            AccountSpec(f"income:run{self.run}:euro", "EUR", "deferred"),
        ]
        with self.engine.begin() as connection:
            ids = ledger.open_accounts(connection, specs)
        self.accounts = [
            ModelAccount(
                ids[spec.path, spec.asset],
                spec.asset,
                1 if spec.path.startswith("assets") else -1,
                spec.floor,
            )
            for spec in specs
        ]

    # ---- what may happen ------------------------------------------------------------------------

    account = st.integers(0, 5)
    amount = st.one_of(st.integers(1, 60), st.just(10**30))
    hours = st.integers(0, 40)

    @rule(
        target=entries,
        lines=st.lists(
            st.tuples(account, account, amount, st.booleans(), hours), min_size=1, max_size=8
        ),
        spoil=st.one_of(st.none(), st.integers(0, 7)),
    )
    def post_batch(self, lines: list[tuple[int, int, int, bool, int]], spoil: int | None) -> object:
        batch = []
        for index, (debit, credit, amount, split, hours) in enumerate(lines):
            first, second = self.accounts[debit], self.accounts[credit]
            postings = [Posting(first.id, amount), Posting(second.id, -amount)]
            if split:
                postings.append(Posting(first.id, 1))
                postings.append(Posting(second.id, -1))
            if index == spoil:
                postings[0] = Posting(first.id, amount + 1)
            batch.append(self._entry(postings, self.start + hours * HOUR))
        return self._post(batch)

    @rule(target=entries, again=entries, changed=st.booleans())
    def post_again(self, again: str, *, changed: bool) -> object:
        entry = self.known[again].entry
        return self._post([entry._replace(kind="changed") if changed else entry, entry])

    @rule(target=entries, key=entries, hours=hours)
    def reverse(self, key: str, hours: int) -> object:
        original = self.known[key]
        at = self.start + hours * HOUR
        mirror = Entry(
            f"{key}:reversed",
            f"{original.entry.kind}.reversed",
            at,
            [Posting(account, -amount) for account, amount in original.entry.postings],
        )
        expected = original.reversed or not self._refusals(mirror)
        try:
            with self.engine.begin() as connection:
                posted = ledger.reverse(connection, original.id, occurred_at=at, description="undo")
        except LedgerError:
            assert not expected
            return multiple()
        assert expected
        assert posted.replayed == original.reversed
        if original.reversed:
            return multiple()
        original.reversed = True
        self._book(mirror, posted.entry_id)
        return mirror.effect_key

    @rule(
        target=holds,
        account=st.integers(1, 4),
        amount=st.integers(1, 40),
        lasts=st.one_of(st.none(), st.integers(1, 6)),
    )
    def place_hold(self, account: int, amount: int, lasts: int | None) -> object:
        model = self.accounts[account]
        expected = model.floor is None or model.side * model.balance - model.held - amount >= (
            model.floor
        )
        key = f"hold:{self.run}:{next(self.keys)}"
        expires_at = None if lasts is None else self.now + lasts * HOUR
        try:
            with self.engine.begin() as connection:
                hold = ledger.place_hold(
                    connection,
                    effect_key=key,
                    account_id=model.id,
                    amount=amount,
                    now=self.now,
                    expires_at=expires_at,
                )
        except LedgerError:
            assert not expected
            return multiple()
        assert expected
        model.held += amount
        self.open_holds[hold.id] = ModelHold(account, amount, expires_at)
        return hold.id

    @rule(hold_id=holds, to=account, part=st.integers(1, 40), rest=st.booleans())
    def capture(self, hold_id: int, to: int, part: int, *, rest: bool) -> None:
        hold = self.open_holds.get(hold_id)
        if hold is None:
            return
        source, target = self.accounts[hold.place], self.accounts[to]
        entry = self._entry(
            [Posting(source.id, -source.side * part), Posting(target.id, source.side * part)],
            self.start + 40 * HOUR,
        )
        freed = hold.left if rest or part == hold.left else part
        source.held -= freed
        expired = hold.expires_at is not None and hold.expires_at <= self.now
        fits = part <= hold.left and source is not target and not expired
        expected = fits and not self._refusals(entry)
        try:
            with self.engine.begin() as connection:
                posted = ledger.capture_hold(
                    connection, hold_id, entry, amount=part, now=self.now, release_rest=rest
                )
        except LedgerError:
            assert not expected
            source.held += freed
            return
        assert expected
        self._book(entry, posted.entry_id)
        hold.left -= freed
        if not hold.left:
            del self.open_holds[hold_id]

    @rule(hold_id=consumes(holds))
    def void(self, hold_id: int) -> None:
        with self.engine.begin() as connection:
            voided = ledger.void_hold(connection, hold_id, now=self.now)
        assert voided == (hold_id in self.open_holds)
        self._give_back(hold_id)

    @rule(hours=st.integers(1, 4))
    def pass_time(self, hours: int) -> None:
        self.now += hours * HOUR

    @rule()
    def expire(self) -> None:
        due = {
            hold_id
            for hold_id, hold in self.open_holds.items()
            if hold.expires_at is not None and hold.expires_at <= self.now
        }
        with self.engine.begin() as connection:
            expired = set(ledger.expire_holds(connection, now=self.now))
        assert due <= expired  # holds of earlier runs may be among them
        for hold_id in due:
            self._give_back(hold_id)

    @rule(hours=st.integers(0, 20))
    def close(self, hours: int) -> None:
        self.closed = max(self.closed, self.start + hours * HOUR)
        with self.engine.begin() as connection:
            ledger.close_books(connection, self.closed)

    @rule()
    def roll(self) -> None:
        ledger.roll_accounts(self.engine, least=2)

    # ---- what must hold -------------------------------------------------------------------------

    @invariant()
    def balances_agree(self) -> None:
        with self.engine.begin() as connection:
            for model in self.accounts:
                assert ledger.balance(connection, model.id) == model.balance
                free = ledger.available(connection, model.id)
                if model.floor is None:
                    assert free is None
                else:
                    assert free == model.side * model.balance - model.held - model.floor

    @invariant()
    def history_agrees(self) -> None:
        at = self.start + 12 * HOUR
        with self.engine.begin() as connection:
            for model in self.accounts:
                expected = sum(change for moment, change in model.history if moment <= at)
                assert ledger.balance_at(connection, model.id, at) == expected

    def teardown(self) -> None:
        with self.engine.begin() as connection:
            assert ledger.broken_invariants(connection) == []

    def _give_back(self, hold_id: int) -> None:
        hold = self.open_holds.pop(hold_id, None)
        if hold is not None:
            self.accounts[hold.place].held -= hold.left

    # ---- the model ------------------------------------------------------------------------------

    def _entry(self, postings: list[Posting], at: dt.datetime) -> Entry:
        return Entry(f"run:{self.run:06d}:{next(self.keys):06d}", "model", at, postings)

    def _post(self, batch: list[Entry]) -> object:
        with self.engine.begin() as connection:
            results = ledger.post_batch(connection, batch)
        fresh = []
        for entry, result in zip(batch, results, strict=True):
            known = self.known.get(entry.effect_key)
            if known is not None:
                same = known.entry == entry
                assert isinstance(result, Posted) == same
                assert not same or result == Posted(known.id, replayed=True)
            elif reasons := self._refusals(entry):
                assert not isinstance(result, Posted)
                assert result.reason_code in reasons
            else:
                assert isinstance(result, Posted)
                assert not result.replayed
                self._book(entry, result.entry_id)
                fresh.append(entry.effect_key)
        return multiple(*fresh)

    def _refusals(self, entry: Entry) -> set[str]:
        """Return every reason there is to refuse the entry; the ledger may name any of them."""
        by_id = {account.id: account for account in self.accounts}
        sums: dict[str, int] = {}
        changes: dict[int, int] = {}
        for account, amount in entry.postings:
            sums[by_id[account].asset] = sums.get(by_id[account].asset, 0) + amount
            changes[account] = changes.get(account, 0) + amount
        reasons = {
            "closed_period": entry.occurred_at <= self.closed,
            "unbalanced": any(sums.values()),
            "insufficient_funds": not all(by_id[a].allows(change) for a, change in changes.items()),
        }
        return {reason for reason, found in reasons.items() if found}

    def _book(self, entry: Entry, entry_id: int) -> None:
        by_id = {account.id: account for account in self.accounts}
        for account, amount in entry.postings:
            by_id[account].balance += amount
            by_id[account].history.append((entry.occurred_at, amount))
        self.known[entry.effect_key] = ModelEntry(entry, entry_id)


def test_the_ledger_agrees_with_its_model(fresh_database_url: str) -> None:
    LedgerModel.engine = connect_engine(fresh_database_url)
    run_state_machine_as_test(
        LedgerModel,
        settings=settings(
            max_examples=60,
            stateful_step_count=25,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
    LedgerModel.engine.dispose()
