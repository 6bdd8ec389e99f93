"""The double-entry ledger: a plain library that works inside the caller's transaction.

It knows accounts, entries and postings, and nothing of cards, HTTP, queues or orders. What is
imported here is its whole public surface; docs/ledger.md explains it.
"""

from ledger.accounts import AccountSpec, find_account_ids, open_accounts
from ledger.assets import Asset, assets, define_asset
from ledger.balances import (
    AccountBalance,
    available,
    balance,
    balance_at,
    balances_page,
    trial_balance,
)
from ledger.entries import Entry, Posted, Posting, Refused
from ledger.gathering import Gatherer
from ledger.holds import Hold, capture_hold, expire_holds, find_hold, place_hold, void_hold
from ledger.invariants import BrokenInvariant, broken_invariants
from ledger.journal import (
    AccountPosting,
    AccountPostings,
    JournalEntry,
    JournalLine,
    entries_of_effects,
    entries_of_ids,
    entries_of_subjects,
    find_entry,
    postings_since,
    reversals_of,
)
from ledger.periods import (
    close_books,
    closed_through,
    end_of_month,
    hold_closed_through,
    reopen_books,
)
from ledger.posting import NOTED, Result, post, post_batch
from ledger.reversal import reverse
from ledger.rolling import roll_accounts, roll_totals
from ledger.sealing import BrokenSeal, Seal, broken_seals, last_seal, seal

__all__ = [
    "NOTED",
    "AccountBalance",
    "AccountPosting",
    "AccountPostings",
    "AccountSpec",
    "Asset",
    "BrokenInvariant",
    "BrokenSeal",
    "Entry",
    "Gatherer",
    "Hold",
    "JournalEntry",
    "JournalLine",
    "Posted",
    "Posting",
    "Refused",
    "Result",
    "Seal",
    "assets",
    "available",
    "balance",
    "balance_at",
    "balances_page",
    "broken_invariants",
    "broken_seals",
    "capture_hold",
    "close_books",
    "closed_through",
    "define_asset",
    "end_of_month",
    "entries_of_effects",
    "entries_of_ids",
    "entries_of_subjects",
    "expire_holds",
    "find_account_ids",
    "find_entry",
    "find_hold",
    "hold_closed_through",
    "last_seal",
    "open_accounts",
    "place_hold",
    "post",
    "post_batch",
    "postings_since",
    "reopen_books",
    "reversals_of",
    "reverse",
    "roll_accounts",
    "roll_totals",
    "seal",
    "trial_balance",
    "void_hold",
]
