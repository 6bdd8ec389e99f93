"""One attempt to pay: who asks, on which books, and what they may see of it."""

from dataclasses import dataclass

from sandbox.simulated.store import Transaction
from sandbox.stripe import events
from sandbox.stripe.account import Account
from sandbox.stripe.events import Request
from sandbox.stripe.payment_intents import public_view
from sandbox.stripe.refusals import Resource


@dataclass(frozen=True)
class Attempt:
    """Everything one attempt to pay needs.

    `from_browser` is a call with the publishable key; hosted pages are at `base_url`.
    """

    transaction: Transaction
    account: Account
    request: Request
    from_browser: bool = False
    base_url: str = ""

    def tell(self, kind: str, resource: Resource) -> None:
        """Record an event that goes back to this request."""
        events.record(self.transaction, self.account, kind, resource, self.request)

    def shown(self, intent: Resource) -> Resource:
        """The intent as this caller may see it."""
        return public_view(intent) if self.from_browser else intent
