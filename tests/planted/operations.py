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
)
