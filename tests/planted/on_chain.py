"""Bugs of escrows, of what is sent on chain and watched there, and of releases and payouts."""

from tests.planted.bug import Bug, Edit

HAND_IN = "payments/chain/hand_in.py"
BOOKINGS = "payments/watching/bookings.py"

ON_CHAIN = (
    Bug(
        "the next nonce is asked of the node",
        (
            Edit(
                "payments/chain/take_nonce.py",
                "    intent.nonce = signer.next_nonce\n",
                "    intent.nonce = sending.port.nonce(sending.address)\n",
            ),
        ),
        ("tests/payments/chain/test_sending.py", "-k", "share_an_escrow"),
    ),
    Bug(
        "what is signed is handed in before it is kept",
        (
            Edit(
                HAND_IN,
                '    reach("sending.signed")\n',
                '    _broadcast(sending, signed.raw)\n    reach("sending.signed")\n',
            ),
        ),
        ("tests/payments/chain/test_freezes.py", "-k", "around_its_signing"),
    ),
    Bug(
        "what is stuck is sent again with a new nonce",
        (
            Edit(
                "payments/chain/send.py",
                "        elif sign(self._sending, intent.id, fees):\n",
                "        elif self._read(lambda session: _renumber(session, intent.id)) or sign(\n"
                "            self._sending, intent.id, fees\n"
                "        ):\n",
            ),
            Edit(
                "payments/chain/send.py",
                "class _Run:\n",
                "def _renumber(session: Session, intent_id: str) -> None:\n"
                "    intent = session.get_one(ChainIntent, intent_id)\n"
                "    signer = __import__('payments.chain.signers').chain.signers.lock(\n"
                "        session, chain=intent.chain, address=intent.signer\n"
                "    )\n"
                "    intent.nonce, signer.next_nonce = signer.next_nonce, signer.next_nonce + 1\n"
                "\n\n"
                "class _Run:\n",
            ),
        ),
        ("tests/payments/chain/test_stuck.py", "-k", "offers_more"),
    ),
    Bug(
        "what the node knows already counts as refused",
        (
            Edit(
                "payments/providers/evm/node_errors.py",
                '    ("known", r"(?<!block )already ?known',
                '    ("invalid", r"(?<!block )already ?known',
            ),
        ),
        ("tests/payments/providers/evm/test_broadcast.py", "-k", "known_already"),
    ),
    Bug(
        "nobody asks for freezes before handing in",
        (
            Edit(
                HAND_IN,
                "    freeze = None if order_id is None else covering(session, order_id)\n",
                "    freeze = None\n",
            ),
        ),
        ("tests/payments/chain/test_freezes.py", "-k", "around_its_signing"),
    ),
    Bug(
        "a freeze is answered while releases are still being sent",
        (
            Edit(
                "payments/freezes/releases_lock.py",
                '    session.execute(_TAKE_ALONE, {"key": _KEY})\n',
                "",
            ),
        ),
        ("tests/payments/freezes/test_freezes.py", "-k", "answered or waits"),
    ),
    Bug(
        "the signer signs a release that nobody approved",
        (
            Edit(
                "payments/chain/instructions.py",
                '    open_ones = {"approved", ',
                '    open_ones = {"requested", "approved", ',
            ),
            Edit(
                "payments/chain/instructions.py",
                'release["status"] not in {"approved", "signed"}',
                'release["status"] not in {"requested", "approved", "signed"}',
            ),
        ),
        ("tests/payments/chain/test_signing_rules.py",),
    ),
    Bug(
        "an intent is signed as it stands",
        (
            Edit(
                "payments/chain/instructions.py",
                "    if bytes(intent.calldata) != instruction.calldata:\n",
                "    if 0:\n",
            ),
            Edit(
                "payments/chain/signing_rules.py",
                "        calldata=instruction.calldata,\n",
                "        calldata=bytes(intent.calldata),\n",
            ),
        ),
        ("tests/payments/chain/test_signing_rules.py",),
    ),
    Bug(
        "only the newest form of a transaction is looked for in blocks",
        (
            Edit(
                "payments/chain/follow.py",
                "session.scalars(handed_in.order_by(ChainAttempt.max_fee.desc())).all()",
                "session.scalars(handed_in.order_by(ChainAttempt.max_fee.desc()).limit(1)).all()",
            ),
        ),
        ("tests/payments/chain/test_stuck.py", "-k", "older_form"),
    ),
    Bug(
        "what a reorganisation took stays booked",
        (
            Edit(
                BOOKINGS,
                "            undo(self._session.connection(), _entry(effect), now=self._now)\n",
                "",
            ),
        ),
        ("tests/payments/watching/test_undone.py", "-k", "held_again"),
    ),
    Bug(
        "a deposit is booked as soon as it is seen",
        (
            Edit(
                BOOKINGS,
                'if e.state == "seen" and e.block_number <= final_to]',
                'if e.state == "seen"]',
            ),
        ),
        ("tests/payments/watching/test_watch_chain.py",),
    ),
    Bug(
        "anybody's factory makes escrows of ours",
        (
            Edit(
                "payments/providers/evm/escrow_logs.py",
                "            if contract != factory:\n",
                "            if 0:\n",
            ),
        ),
        ("tests/payments/providers/evm/test_escrow_logs.py",),
    ),
    Bug(
        "more is released than is held for it",
        (
            Edit(
                "payments/releases/releasable.py",
                "    if left == 0 or amount > left:\n",
                "    if left == 0:\n",
            ),
            Edit(
                "payments/accounting/releases.py",
                '        effect_key=f"{release_id}:held",\n'
                "        account_id=_escrow_id(connection, order_id, currency),\n"
                "        amount=amount,\n",
                '        effect_key=f"{release_id}:held",\n'
                "        account_id=_escrow_id(connection, order_id, currency),\n"
                "        amount=1,\n",
            ),
        ),
        ("tests/payments/releases/test_request_release.py", "-k", "no_more_is_released"),
    ),
    Bug(
        "whoever asks for a release approves it",
        (
            Edit(
                "payments/releases/decide_release.py",
                "            first=row.requested_by,\n",
                '            first="somebody:else",\n',
            ),
        ),
        ("tests/payments/releases/test_decide_release.py", "-k", "whoever_asked"),
    ),
    Bug(
        "the fee of each release is rounded by itself",
        (
            Edit(
                "payments/releases/parts.py",
                "    fee = order.platform_fee * released // order.amount - before.platform_fee\n",
                "    fee = order.platform_fee * amount // order.amount\n",
            ),
        ),
        ("tests/payments/releases/test_parts.py",),
    ),
    Bug(
        "each call for a payout has a random idempotency key",
        (
            Edit(
                "payments/payouts/make_payout.py",
                '        idempotency_key=f"{payout.id}{again}",\n',
                "        idempotency_key=str(__import__('uuid').uuid4()),\n",
            ),
        ),
        ("tests/payments/payouts/test_transfers.py", "-k", "lost or never_arrived"),
    ),
    Bug(
        "a new payout address is in force at once",
        (
            Edit(
                "payments/payouts/destinations.py",
                "        .where(PayoutDestination.active_from <= now)\n",
                "",
            ),
        ),
        ("tests/payments/payouts/test_destinations.py", "-k", "cool"),
    ),
    Bug(
        "the contract forgets which operations it has done",
        (
            Edit(
                "payments/providers/evm/contracts/escrow.vy",
                "    self._used[id] = True\n",
                "",
            ),
        ),
        ("tests/payments/providers/evm/contracts/test_escrow.py",),
        compiles=True,
    ),
    Bug(
        "the contract pauses refunds, too",
        (
            Edit(
                "payments/providers/evm/contracts/escrow.vy",
                '    @param operation_id As for `release`, which shares them.\n    """\n',
                '    @param operation_id As for `release`, which shares them.\n    """\n'
                '    assert not self._is_paused, "paused"\n',
            ),
        ),
        ("tests/payments/providers/evm/contracts/test_escrow.py",),
        compiles=True,
    ),
)
