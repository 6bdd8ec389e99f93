"""The commands of `strongroom` by name: where each is, and what it says of itself.

A command is imported when it is run: all of them together take seconds. What they say stands here
as well, so that help and completion need none of them; a test holds the two together.
"""

import importlib
from collections.abc import Iterator, MutableMapping

import click

PLACES = {
    "alerts": ("alerts:alerts", "What people were told; take it on, or try whether they hear."),
    "audit": ("audit:audit", "Read, prove and export the log of who did what."),
    "backup": ("backup:backup", "Copy the whole PostgreSQL; lay a copy out for a moment."),
    "bank": ("bank:bank", "Find money that was paid by bank."),
    "chain": ("chain:chain_group", "Look after what is sent on chain, and who signs it."),
    "completion": ("completion:completion", "Print what has a shell complete `strongroom …`."),
    "dead-letters": (
        "dead_letters:dead_letters",
        "Events, jobs and notices that are not tried any more.",
    ),
    "deadlines": ("deadlines:deadlines", "Put deadlines of bank payments off, and list who did."),
    "doctor": ("doctor:doctor", "Say what is running on what; exit with 1 when a part fails."),
    "duplicates": ("duplicates:duplicates", "What was seen twice, and where an order's money is."),
    "encryption": ("encryption:encryption", "Rotate the keys of encrypted columns."),
    "events": ("events:events", "Try live updates as a browser would."),
    "find": (
        "search:find",
        "Find a thing by its id, a reference, an e-mail, a provider's id, a hash, an address.",
    ),
    "freeze": (
        "freezes:freeze",
        "Stop all releases, or those of an order; when this ends, none is on its way.",
    ),
    "freezes": ("freezes:freezes", "List the freezes in force, newest first."),
    "incidents": ("incidents:incidents", "Say what is wrong; tell everybody by a banner."),
    "keys": ("keys:keys", "Make, list, rotate and revoke API keys; say who used one."),
    "ledger": ("ledger:ledger_group", "Prove, seal, close and read the ledger."),
    "metrics": ("metrics:metrics", "Show or serve what Prometheus reads."),
    "notices": (
        "notices:notices",
        "Tell the platform's backend of changes: where, and how it fares.",
    ),
    "payments": ("declines:payments_group", "What happened to a payment."),
    "payouts": ("payouts:payouts", "What sellers were paid; make again what failed."),
    "pending": ("pending:pending", "What waits longer than usual, and asking providers about it."),
    "reconcile": (
        "reconcile:reconcile",
        "Bring statements and books together, and show what does not agree.",
    ),
    "releases": ("freezes:releases", "Look at releases."),
    "restore": ("restore:restore", "See a restored database through until money moves again."),
    "secrets": ("secrets:secrets_group", "List, rotate and revoke the versions of secrets."),
    "sessions": ("secrets:sessions_group", "Sign people out."),
    "statements": ("reconciliation:statements", "Import bank statements, and list them."),
    "stripe": ("stripe:stripe_group", "Our books against Stripe's own; asking it."),
    "unfreeze": ("freezes:unfreeze", "Ask to lift a freeze, or lift it when somebody else asked."),
    "webhooks": ("webhooks:webhooks", "List and replay webhook events, and say how long to retry."),
}


class CommandTable(MutableMapping[str, click.Command]):
    """Commands by name, each imported when somebody asks for it."""

    def __init__(self) -> None:
        """None is imported yet."""
        self._imported: dict[str, click.Command] = {}

    def __getitem__(self, name: str) -> click.Command:
        """Return a command.

        Raises:
            KeyError: there is none of this name.
        """
        if name not in self._imported:
            module, _, attribute = PLACES[name][0].partition(":")
            found = getattr(importlib.import_module(f"web.commands.{module}"), attribute)
            self._imported[name] = found
        return self._imported[name]

    def __setitem__(self, name: str, command: click.Command) -> None:
        """Add a command, for tests."""
        self._imported[name] = command

    def __delitem__(self, name: str) -> None:
        """Forget a command that was added."""
        del self._imported[name]

    def __iter__(self) -> Iterator[str]:
        """Name all commands."""
        return iter(sorted({*PLACES, *self._imported}))

    def __len__(self) -> int:
        """Count them."""
        return len({*PLACES, *self._imported})

    def __contains__(self, name: object) -> bool:
        """Whether there is one, without importing it."""
        return name in PLACES or name in self._imported
