"""Bugs of operations: restores that forget or pay twice, webhooks that wait for each other."""

from tests.planted.bug import Bug, Edit

OPERATIONS = (
    Bug(
        "a release on chain that a restore forgot is sent again",
        (
            Edit(
                "payments/restores/adopt_chains.py",
                "        adopt_operations(look, name)\n",
                "",
            ),
        ),
        ("tests/payments/restores/test_forgotten_chain_money.py", "-k", "release_asked_for_again"),
    ),
    Bug(
        "a look at a chain that somebody else watches sees nothing, and counts",
        (
            Edit(
                "payments/restores/adopt_chains.py",
                "        if not figures:  # it was somebody else's turn\n"
                "            others += 1\n"
                "            time.sleep(_PAUSE_S)\n"
                '        elif not figures["more"]:\n',
                '        if not figures.get("more"):\n',
            ),
        ),
        ("tests/payments/restores/test_forgotten_chain_money.py", "-k", "whoever_watches"),
    ),
    Bug(
        "the job that looks at providers waits for the end that waits for it",
        (
            Edit(
                "jobs/registry.py",
                '        "reconcile_restore",\n',
                "",
            ),
        ),
        ("tests/jobs/test_dispatch.py", "-k", "after_a_restore"),
    ),
    Bug(
        "money that was forgotten is found anew by each restore",
        (
            Edit(
                "payments/restores/findings.py",
                '    if status != "open" and kind in _CLAIMABLE:\n',
                "    if kind not in _CLAIMABLE and kind in _CLAIMABLE:\n",
            ),
        ),
        ("tests/payments/restores/test_forgotten_card_money.py", "-k", "second_restore"),
    ),
    Bug(
        "a webhook that comes again waits for its event's application",
        (
            Edit(
                "migrations/sql/0011_operations/4_traces.sql",
                "  last_at timestamptz NOT NULL,\n  PRIMARY KEY (provider, event_id)\n);",
                "  last_at timestamptz NOT NULL,\n  PRIMARY KEY (provider, event_id),\n"
                "  FOREIGN KEY (provider, event_id)\n"
                "    REFERENCES strongroom.webhook_inbox (provider, event_id)\n);",
            ),
        ),
        ("tests/payments/webhooks/test_inbox_writer.py", "-k", "comes_again"),
    ),
    Bug(
        "jobs that send go on in a restored database",
        (
            Edit(
                "jobs/dispatch.py",
                "    is_still = in_transaction(engine, standing_still) is not None\n",
                "    is_still = in_transaction(engine, standing_still) is None and False\n",
            ),
        ),
        ("tests/jobs/test_dispatch.py", "-k", "after_a_restore"),
    ),
    Bug(
        "what came and went for days stops all alerts",
        (
            Edit(
                "payments/alerts/follow.py",
                "2 ** min(alert.reopened, _DOUBLED_MOST)",
                "2**alert.reopened",
            ),
            Edit(
                "payments/alerts/evaluate.py",
                "        if _is_away(error):\n",
                "        if not isinstance(error, DBAPIError) or _is_away(error):\n",
            ),
        ),
        ("tests/payments/alerts/test_nothing_missed.py", "-k", "for_days"),
    ),
    Bug(
        "who acknowledges an alert takes on what nobody told them",
        (
            Edit(
                "payments/alerts/acknowledge.py",
                "alert.told_figures or alert.figures, note",
                "alert.figures, note",
            ),
        ),
        ("tests/payments/alerts/test_nothing_missed.py", "-k", "acknowledges"),
    ),
    Bug(
        "money that went twice is over because a day is",
        (
            Edit(
                "payments/alerts/follow.py",
                'if not (condition.lapses and alert.status == "open"):\n',
                'if not (condition.lapses and alert.status == "lapsed"):\n',
            ),
        ),
        ("tests/payments/alerts/test_nothing_missed.py", "-k", "because_a_day_is"),
    ),
    Bug(
        "two asks in a row make a call count as lost",
        (
            Edit(
                "payments/pending/request_ask.py",
                "            or_(ProviderCall.attempts == 0, ProviderCall.operation == REFUND),\n",
                "            or_(ProviderCall.attempts >= 0, ProviderCall.operation == REFUND),\n",
            ),
        ),
        ("tests/payments/intake/test_resolve_calls.py", "-k", "twice_in_a_row"),
    ),
    Bug(
        "who reads the metrics takes a process that begins for a dead one",
        (
            Edit(
                "payments/telemetry/folder.py",
                '_BEGINS = "begins_"',
                '_BEGINS = "alive_"',
            ),
        ),
        ("tests/payments/telemetry/test_measuring.py", "-k", "while_a_process_begins"),
    ),
    Bug(
        "a receipt that is not booked is proven by another one's entry",
        (
            Edit(
                "payments/webhooks/prove.py",
                "if expected.receipt_id in (None, of)]",
                "if expected.receipt_id in (None, expected.receipt_id)]",
            ),
        ),
        ("tests/payments/webhooks/test_prove.py", "-k", "not_proven"),
    ),
    Bug(
        "a payout that was begun leaves after a freeze was answered",
        (
            Edit(
                "payments/payouts/pay_sellers.py",
                "if in_transaction(self._engine, lambda session: covering(session, order_id)):\n",
                "if in_transaction(self._engine, lambda session: covering(session, '')):\n",
            ),
        ),
        ("tests/payments/payouts/test_freezes.py", "-k", "once_a_freeze"),
    ),
)
