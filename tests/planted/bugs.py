"""Bugs that real payment systems had, as patches of ours, each with the tests that must see it."""

from tests.planted.bug import Bug, Edit
from tests.planted.finance import FINANCE
from tests.planted.on_chain import ON_CHAIN
from tests.planted.operations import OPERATIONS
from tests.planted.operations_security import OPERATIONS_SECURITY
from tests.planted.security import SECURITY

INBOX = "payments/webhooks/inbox_writer.py"
EVENTS = "payments/providers/stripe/events.py"
LOCKS = "payments/lifecycle/locked_payments.py"

BUGS = (
    Bug(
        "an event's id is not unique in the inbox",
        (
            Edit(
                "migrations/sql/0002_domain.sql",
                "  finished_at timestamptz,\n  UNIQUE (provider, event_id)  ",
                "  finished_at timestamptz\n  -- UNIQUE (provider, event_id)  ",
            ),
            Edit(INBOX, "        ON CONFLICT (provider, event_id) DO NOTHING\n", ""),
        ),
        ("tests/payments/webhooks/test_receive_event.py",),
    ),
    Bug(
        "a webhook is acknowledged before the commit",
        (
            Edit(
                INBOX,
                "        mine = _Waiting(event)\n",
                "        mine = _Waiting(event)\n"
                "        threading.Thread(target=self._write, args=([mine],)).start()\n"
                "        return Stored(duplicate=False)\n",
            ),
        ),
        ("tests/payments/webhooks/test_inbox_writer.py", "tests/web/test_webhooks.py"),
    ),
    Bug(
        "a job is queued before its lease is committed",
        (
            Edit(
                "jobs/dispatch.py",
                "        lambda session: outbox.lease_due(\n"
                "            session, limit=room, lease_s=PICK_UP_S, now=now,"
                " jobs=jobs_of(queue, is_still=is_still)\n"
                "        ),\n",
                "        lambda session: (\n"
                "            leased := outbox.lease_due(\n"
                "                session, limit=room, lease_s=PICK_UP_S, now=now,"
                " jobs=jobs_of(queue, is_still=is_still)\n"
                "            ),\n"
                "            _enqueue(waiting, leased),\n"
                "        )[0],\n",
            ),
            Edit(
                "jobs/dispatch.py",
                '        reach("relay.leased")\n        _enqueue(waiting, leased)\n',
                "",
            ),
        ),
        ("tests/jobs/test_dispatch.py",),
    ),
    Bug(
        "nobody sweeps up events whose wake-up was missed",
        (
            Edit(
                "payments/webhooks/wake_up.py", "if session.scalar(select(due & ~asked)):", "if 0:"
            ),
        ),
        ("tests/payments/webhooks/test_drain_inbox.py",),
    ),
    Bug(
        "a lease that ran out is never offered again",
        (
            Edit(
                "payments/delivery/outbox.py",
                "((ran_out, OutboxRow.lease_until), (due, OutboxRow.due_at))",
                "((due, OutboxRow.due_at),)",
            ),
        ),
        ("tests/payments/delivery/test_outbox.py",),
    ),
    Bug(
        "a worker that lost its lease may finish the job",
        (
            Edit(
                "payments/delivery/outbox.py",
                "        OutboxRow.lease_token == lease_token,\n",
                "",
            ),
        ),
        ("tests/payments/delivery/test_outbox.py",),
    ),
    Bug(
        "each call to Stripe has a random idempotency key",
        (
            Edit(
                "payments/intake/create_intent.py",
                "            idempotency_key=attempt.idempotency_key,\n",
                "            idempotency_key=str(__import__('uuid').uuid4()),\n",
            ),
        ),
        ("tests/payments/intake/test_create_intent.py",),
    ),
    Bug(
        "a refund asked for again is made again",
        (
            Edit(
                "payments/refunds/make_refund.py",
                "        idempotency_key=idempotency_key,\n",
                "        idempotency_key=str(__import__('uuid').uuid4()),\n",
            ),
        ),
        ("tests/payments/refunds/test_create_refund.py",),
    ),
    Bug(
        "a payment is read without a lock",
        (Edit(LOCKS, "        .with_for_update(key_share=True, of=locked)\n", ""),),
        ("tests/payments/lifecycle/test_record_facts.py",),
    ),
    Bug(
        "accounts are locked in no order",
        (
            Edit(
                "migrations/sql/0001_ledger/3_posting.sql",
                "   ORDER BY account_id FOR NO KEY UPDATE;\nEND $$;",
                "   ORDER BY random() FOR NO KEY UPDATE;\nEND $$;",
            ),
        ),
        ("tests/concurrency/test_posters.py",),
    ),
    Bug(
        "tax is computed with floats",
        (
            Edit(
                "payments/orders/totals.py",
                "math.floor(Fraction(net) * Fraction(rate) / 100 + Fraction(1, 2))",
                "math.floor(float(net) * float(rate) / 100 + 0.5)",
            ),
        ),
        ("tests/payments/orders/test_totals.py",),
    ),
    Bug(
        "the currency of a charge is not looked at",
        (
            Edit(
                "payments/lifecycle/refusals.py",
                "    if fact.currency != view.currency:\n",
                "    if 0:\n",
            ),
        ),
        ("tests/payments/lifecycle/test_record_facts.py",),
    ),
    Bug(
        "whatever is told last is where a payment stands",
        (
            Edit(
                "payments/lifecycle/stages.py",
                "    return max(stage, told, key=_precedence)\n",
                "    return told\n",
            ),
        ),
        ("tests/payments/lifecycle/test_stages.py",),
    ),
    Bug(
        "an empty body needs no signature",
        (
            Edit(
                EVENTS,
                "    signed = signed_at.encode()",
                "    if not payload:\n        return 0\n    signed = signed_at.encode()",
            ),
        ),
        ("tests/payments/providers/stripe/test_verify.py",),
    ),
    Bug(
        "a signature from the future is accepted",
        (
            Edit(
                EVENTS,
                "abs(now.timestamp() - int(signed_at)) > TOLERANCE_S",
                "now.timestamp() - int(signed_at) > TOLERANCE_S",
            ),
        ),
        ("tests/payments/providers/stripe/test_verify.py",),
    ),
    Bug(
        "whose live events one hears stands in the query string",
        (
            Edit(
                "web/routes/events.py",
                "    stream = hub.join(current_caller(), connection, _recheck())\n",
                "    caller = current_caller()\n"
                '    asked = request.args.get("party_id", caller.party_id)\n'
                "    caller = __import__('dataclasses').replace(caller, party_id=asked)\n"
                "    stream = hub.join(caller, connection, _recheck())\n",
            ),
        ),
        ("tests/web/test_events.py", "-k", "hears or oneself"),
    ),
    Bug(
        "anybody reads anybody's payment",
        (
            Edit(
                "payments/intake/read_payment.py",
                " or not caller.may_see(order.buyer_id, order.seller_id):",
                ":",
            ),
        ),
        ("tests/payments/intake/test_read_payment.py",),
    ),
    Bug(
        "each call for a bank link has a random idempotency key",
        (
            Edit(
                "payments/intake/create_bank_link.py",
                "        idempotency_key=attempt.idempotency_key,\n",
                "        idempotency_key=str(__import__('uuid').uuid4()),\n",
            ),
        ),
        ("tests/payments/intake/test_create_bank_link.py",),
    ),
    Bug(
        "money that was only executed is booked",
        (
            Edit(
                "payments/providers/truelayer/payment_facts.py",
                '_UNDER_WAY = frozenset({"authorized", "executed", "stalled"})',
                '_UNDER_WAY = frozenset({"authorized", "stalled"})',
            ),
            Edit(
                "payments/providers/truelayer/payment_facts.py",
                '    if status != "settled":\n',
                '    if status not in ("executed", "settled"):\n',
            ),
        ),
        ("tests/payments/providers/truelayer/test_translate.py",),
    ),
    Bug(
        "a webhook says itself where the key is that signed it",
        (
            Edit(
                "payments/providers/truelayer/events.py",
                "    if header.jku != jwks_url:",
                "    if not header.jku:",
            ),
        ),
        ("tests/payments/providers/truelayer/test_webhook_signatures.py",),
    ),
    Bug(
        "an extension of a deadline is only written down",
        (
            Edit(
                "payments/lifecycle/deadlines.py",
                "    return row.expires_at if latest is None else max(row.expires_at, latest)\n",
                "    return row.expires_at\n",
            ),
        ),
        ("tests/payments/intake/test_extend_deadlines.py",),
    ),
    Bug(
        "money that comes twice may be given back twice",
        (
            Edit(
                "payments/refunds/refund_receipt.py",
                "    receipt.amount_returned += amount\n",
                "",
            ),
        ),
        ("tests/payments/refunds/test_bank_refunds.py",),
    ),
    Bug(
        "two equal payments of a day are one line",
        (
            Edit(
                "payments/reconciliation/statements/line_keys.py",
                "            own[stem] += 1\n",
                "            own[stem] = 1\n",
            ),
        ),
        ("tests/payments/reconciliation/statements/test_import.py",),
    ),
    Bug(
        "an amount that cannot be read is nothing",
        (
            Edit(
                "payments/reconciliation/statements/values.py",
                '        raise refuse_at(where, field, f"{quote} is not an amount.")\n',
                "        return 0\n",
            ),
        ),
        (
            "tests/payments/reconciliation/statements/test_csv.py",
            "tests/payments/reconciliation/statements/test_camt.py",
        ),
    ),
    Bug(
        "a statement's balances are not added up",
        (
            Edit(
                "payments/reconciliation/statements/checks.py",
                "    if opening + moved == closing:\n",
                "    if True:\n",
            ),
        ),
        ("tests/payments/reconciliation/statements/test_camt.py",),
    ),
    Bug(
        "a batch may be a cent off",
        (
            Edit(
                "payments/reconciliation/matching/sums.py",
                "bool(waiting) and total == line.amount and",
                "bool(waiting) and abs(total - line.amount) <= 1 and",
            ),
        ),
        ("tests/payments/reconciliation/matching",),
    ),
    Bug(
        "a mangled reference is taken for the first that is near",
        (
            Edit(
                "payments/reconciliation/matching/near.py",
                "        if len(near[line.id]) != 1:\n            continue\n"
                "        (one,) = near[line.id]\n",
                "        if not near[line.id]:\n            continue\n"
                "        one = near[line.id][0]\n",
            ),
        ),
        ("tests/payments/reconciliation/matching",),
    ),
    Bug(
        "a run matches again what a person took back",
        (
            Edit(
                "payments/reconciliation/open_items.py",
                "     WHERE state IN ('new', 'unmatched') AND reason IS DISTINCT FROM '{UNDONE}'\n",
                "     WHERE state IN ('new', 'unmatched') AND '{UNDONE}' <> ''\n",
            ),
        ),
        ("tests/payments/reconciliation/test_judge.py",),
    ),
    *ON_CHAIN,
    *SECURITY,
    *OPERATIONS,
    *OPERATIONS_SECURITY,
    *FINANCE,
)
