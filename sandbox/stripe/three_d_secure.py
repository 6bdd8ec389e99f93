"""3D Secure: the card's bank asks the payer to confirm, and the payment goes on when they did."""

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from sandbox.simulated.store import Transaction
from sandbox.stripe.account import new_id
from sandbox.stripe.attempts import Attempt
from sandbox.stripe.charging import charge_card
from sandbox.stripe.payment_intents import retrieve
from sandbox.stripe.refusals import Answer, Resource, doc_url, missing

PAGE = "/3d_secure_2/authenticate/"
FAILED = "payment_intent_authentication_failure"
_KIND = "three_d_secure.challenge"


@dataclass(frozen=True)
class WayBack:
    """How the payer comes back from their bank: Stripe.js shows its page, or a redirect does."""

    return_url: str | None
    uses_stripe_js: bool


@dataclass(frozen=True)
class Question:
    """What the bank's page asks; not `open` once it was answered or another card was tried."""

    source: str
    intent: Resource
    payment_method: Resource
    return_url: str | None
    open: bool

    @property
    def back_url(self) -> str | None:
        """Where the payer goes afterwards, as Stripe writes it; None inside of Stripe.js."""
        if self.return_url is None:
            return None
        parts = urlsplit(self.return_url)
        named = {
            "payment_intent": self.intent["id"],
            "payment_intent_client_secret": self.intent["client_secret"],
            "source_type": "card",
        }
        query = urlencode([*parse_qsl(parts.query, keep_blank_values=True), *named.items()])
        return urlunsplit(parts._replace(query=query))


def ask_bank(
    attempt: Attempt, intent: Resource, payment_method: Resource, way_back: WayBack
) -> Answer:
    """Put the intent in `requires_action`; any question asked before is void."""
    source = new_id("src")
    redirects = way_back.return_url is not None and not way_back.uses_stripe_js
    challenge: Resource = {
        "id": source,
        "object": _KIND,
        "created": attempt.account.created,
        "payment_intent": intent["id"],
        "payment_method": payment_method["id"],
        "return_url": way_back.return_url if redirects else None,
    }
    attempt.transaction.put(challenge)
    intent.update(
        status="requires_action",
        payment_method=payment_method["id"],
        last_payment_error=None,
        next_action=_next_action(f"{attempt.base_url}{PAGE}{source}", challenge),
    )
    attempt.transaction.put(intent)
    attempt.tell("payment_intent.requires_action", intent)
    return Answer(200, attempt.shown(intent))


def _next_action(url: str, challenge: Resource) -> Resource:
    if challenge["return_url"] is not None:
        return {
            "redirect_to_url": {"return_url": challenge["return_url"], "url": url},
            "type": "redirect_to_url",
        }
    shown = {"type": "three_d_secure_redirect", "stripe_js": url, "source": challenge["id"]}
    return {"type": "use_stripe_sdk", "use_stripe_sdk": shown}


def question(transaction: Transaction, source: str) -> Question:
    """What the bank asks the payer, or Stripe's 404."""
    challenge = transaction.get(source, kind=_KIND)
    if challenge is None:
        raise missing("source", source)
    intent = retrieve(transaction, challenge["payment_intent"])
    payment_method = transaction.get(challenge["payment_method"], kind="payment_method")
    if payment_method is None:
        raise missing("PaymentMethod", challenge["payment_method"])
    waits = intent["status"] == "requires_action" and source in str(intent["next_action"])
    return Question(source, intent, payment_method, challenge["return_url"], open=waits)


def answer_bank(attempt: Attempt, source: str, *, approve: bool) -> Resource:
    """Charge the card, or say that the payer refused; the intent as it is then.

    A question that is not open any more changes nothing.
    """
    asked = question(attempt.transaction, source)
    if not asked.open:
        return asked.intent
    if approve:
        charge_card(attempt, asked.intent, asked.payment_method, authenticated=True)
        return asked.intent
    asked.intent.update(
        status="requires_payment_method",
        payment_method=None,
        next_action=None,
        last_payment_error={
            "code": FAILED,
            "doc_url": doc_url(FAILED),
            "message": "The payer's bank did not confirm this payment. Try again, or use another"
            " card.",
            "payment_method": asked.payment_method,
            "type": "invalid_request_error",
        },
    )
    attempt.transaction.put(asked.intent)
    attempt.tell("payment_intent.payment_failed", asked.intent)
    return asked.intent
