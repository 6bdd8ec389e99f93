"""The runbooks: what goes wrong; for each, commands, calls, pages and the test that plays it.

Data only. Alerts lead to `/console/runbooks/<name>`; what to do stands in docs/operating.md, in
the section whose heading a row names. tests/architecture/test_runbooks.py holds all of it together.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page of the console on which one looks or acts, and what for."""

    path: str
    does: str


@dataclass(frozen=True, kw_only=True)
class Runbook:
    """One incident: how it shows, and everything that is made for it."""

    name: str
    title: str
    sign: str
    """How it looks to who is woken by it."""
    heading: str
    """Of its section in docs/operating.md."""
    commands: tuple[str, ...]
    """As they are typed after `strongroom`."""
    endpoints: tuple[str, ...]
    """As `POST /api/ops/freeze`, with the rule's own names for what varies."""
    pages: tuple[Page, ...]
    test: str


RUNBOOKS: tuple[Runbook, ...] = (
    Runbook(
        name="stripe-webhook-outage",
        title="Stripe's webhooks do not come",
        sign="Payments by card stay pending, and no event of Stripe's has come for a while.",
        heading="Stripe webhook outage",
        commands=("incidents open", "stripe poll", "webhooks replay", "webhooks proof"),
        endpoints=(
            "POST /api/ops/incidents",
            "POST /api/ops/stripe/poll",
            "POST /api/ops/webhooks/replay",
            "GET /api/ops/webhooks/proof",
        ),
        pages=(
            Page(path="/console/incidents", does="Tell everybody by a banner"),
            Page(path="/console/webhooks", does="Replay events, from Stripe's own list too"),
            Page(path="/console/pending", does="See what waits, and ask Stripe"),
        ),
        test="tests/incidents/test_stripe_webhook_outage.py",
    ),
    Runbook(
        name="bank-provider-delay",
        title="A bank provider is slow or away",
        sign="Payments by bank settle hours late, or the provider does not answer.",
        heading="A bank provider is slow or away",
        commands=(
            "incidents open",
            "webhooks retry-window",
            "deadlines extend",
            "ledger post-entry",
        ),
        endpoints=(
            "POST /api/ops/incidents",
            "PUT /api/ops/webhooks/retry-window",
            "POST /api/ops/deadlines/extend",
            "POST /api/ledger/entries",
        ),
        pages=(
            Page(path="/console/incidents", does="Tell everybody, with the expected time"),
            Page(path="/console/webhooks", does="Widen the retry window"),
            Page(path="/console/pending", does="See what waits, and put deadlines off"),
        ),
        test="tests/incidents/test_bank_provider_delay.py",
    ),
    Runbook(
        name="duplicate-release",
        title="A seller may have been paid twice",
        sign="A seller, a bank or a colleague says that money left twice.",
        heading="Duplicate release suspected",
        commands=(
            "freeze",
            "duplicates report",
            "duplicates balances",
            "releases list",
            "ledger invariants",
            "unfreeze",
        ),
        endpoints=(
            "POST /api/ops/freeze",
            "GET /api/ops/duplicates",
            "GET /api/ops/orders/<id:order_id>/balances",
            "POST /api/ops/unfreeze",
        ),
        pages=(
            Page(path="/console/releases", does="Freeze, look, and lift it by two"),
            Page(path="/console/search", does="Find the order, and see its balances"),
            Page(path="/console/audit", does="See who asked for what"),
        ),
        test="tests/incidents/test_duplicate_release.py",
    ),
    Runbook(
        name="pending-for-ever",
        title="A payment is pending for ever",
        sign="A buyer has paid, and the order still waits.",
        heading="Pending for ever",
        commands=("pending list", "pending ask", "webhooks replay"),
        endpoints=(
            "GET /api/ops/pending",
            "POST /api/ops/payments/<id:payment_id>/ask-provider",
            "POST /api/ops/webhooks/replay",
        ),
        pages=(
            Page(path="/console/pending", does="See why it waits, and ask the provider"),
            Page(path="/console/webhooks", does="Replay its event"),
            Page(path="/console/dead-letters", does="See what could not be applied"),
        ),
        test="tests/incidents/test_pending_for_ever.py",
    ),
    Runbook(
        name="webhook-signatures",
        title="Signatures of webhooks do not match",
        sign="A provider says that we refuse its webhooks, or refusals grow.",
        heading="Webhook signature invalid",
        commands=("webhooks refusals", "secrets list", "secrets rotate"),
        endpoints=(
            "GET /api/ops/webhooks/refusals",
            "GET /api/secrets",
            "POST /api/secrets/<secret_kind:kind>/rotate",
        ),
        pages=(
            Page(path="/console/webhooks", does="See what was refused, and why"),
            Page(path="/console/secrets", does="See which version matched last, and rotate"),
        ),
        test="tests/incidents/test_webhook_signatures.py",
    ),
    Runbook(
        name="bank-payment-not-found",
        title="A payment by bank is not found",
        sign="Money is on the statement, or the payer says so, and no payment has it.",
        heading="Bank payment not found",
        commands=("bank find", "reconcile run", "reconcile unmatched"),
        endpoints=(
            "GET /api/ops/bank-search",
            "POST /api/reconciliation/runs",
            "POST /api/reconciliation/unmatched/<id:item_id>/match",
        ),
        pages=(
            Page(path="/console/reconciliation", does="Search, widen the window, match by hand"),
            Page(path="/console/search", does="Find it by whatever the payer has"),
        ),
        test="tests/incidents/test_bank_payment_not_found.py",
    ),
    Runbook(
        name="event-streams",
        title="Pages do not update by themselves",
        sign="Order pages show news only when they are loaded again.",
        heading="Event streams do not update",
        commands=("events test",),
        endpoints=("POST /api/ops/events/self-test",),
        pages=(Page(path="/console", does="See what runs"),),
        test="tests/incidents/test_event_streams.py",
    ),
    Runbook(
        name="card-declined",
        title="A card was declined",
        sign="A payer says that their card does not work.",
        heading="Card declined, authentication required",
        commands=("find", "payments declines"),
        endpoints=("GET /api/payments/<id:payment_id>/declines",),
        pages=(Page(path="/console/search", does="Find the payment, and see what its payer saw"),),
        test="tests/incidents/test_card_declined.py",
    ),
    Runbook(
        name="key-leaked",
        title="A key has leaked",
        sign="A key or secret was seen where it must not be.",
        heading="A key has leaked",
        commands=("keys rotate", "keys uses", "secrets rotate", "sessions end", "audit list"),
        endpoints=(
            "POST /api/keys/<id:key_id>/rotate",
            "GET /api/keys/<id:key_id>/uses",
            "DELETE /api/keys/<id:key_id>",
            "POST /api/secrets/<secret_kind:kind>/rotate",
            "GET /api/audit",
        ),
        pages=(
            Page(path="/console/secrets", does="Rotate or end it, and see its uses"),
            Page(path="/console/audit", does="See what was done with it"),
        ),
        test="tests/incidents/test_key_leaked.py",
    ),
    Runbook(
        name="dead-letters",
        title="Dead letters grow",
        sign="Events, jobs or notices could not be worked on, and nobody tries them any more.",
        heading="Dead letters",
        commands=(
            "dead-letters list",
            "dead-letters show",
            "dead-letters replay",
            "dead-letters discard",
        ),
        endpoints=(
            "GET /api/ops/dead-letters",
            "POST /api/ops/dead-letters/replay",
            "POST /api/ops/dead-letters/discard",
        ),
        pages=(Page(path="/console/dead-letters", does="Look at them, replay or discard them"),),
        test="tests/incidents/test_dead_letters.py",
    ),
    Runbook(
        name="restore",
        title="The database must be restored",
        sign="Data are lost or damaged, or the database server is gone.",
        heading="Restore",
        commands=(
            "backup create",
            "backup restore",
            "restore begin",
            "restore reconcile",
            "restore settle",
            "restore finish",
            "restore fail-over",
        ),
        endpoints=(
            "GET /api/ops/restores",
            "POST /api/ops/restores",
            "POST /api/ops/restores/<id:restore_id>/reconcile",
            "POST /api/ops/restores/findings/<id:finding_id>/settle",
            "POST /api/ops/restores/<id:restore_id>/finish",
        ),
        pages=(
            Page(
                path="/console/restores",
                does="See why nothing is sent; begin, reconcile, settle, finish",
            ),
            Page(path="/console/incidents", does="Tell everybody by a banner"),
        ),
        test="tests/incidents/test_restore.py",
    ),
    Runbook(
        name="escalation",
        title="An alert is told, and to whom",
        sign="An alert came, or should have come.",
        heading="Escalation",
        commands=("alerts list", "alerts acknowledge", "alerts test"),
        endpoints=(
            "GET /api/ops/alerts",
            "POST /api/ops/alerts/<id:alert_id>/acknowledge",
            "POST /api/ops/alerts/test",
        ),
        pages=(
            Page(path="/console/alerts", does="See what is open, and take it on"),
            Page(path="/console/incidents", does="Tell everybody by a banner"),
        ),
        test="tests/incidents/test_escalation.py",
    ),
)


def runbook(name: str) -> Runbook | None:
    """Return the runbook of that name; None when there is none."""
    return next((each for each in RUNBOOKS if each.name == name), None)
