"""What goes wrong with chains: a key that others use, chains that turn back, blocks not read."""

import datetime as dt

from payments.alerts.condition import Condition, by_query

_MINUTE = dt.timedelta(minutes=1)
_AT_ONCE = dt.timedelta(0)

_SIGNER_FROZEN = """
    SELECT count(*) AS count, array_agg(chain || ':' || address ORDER BY chain, address) AS keys,
           min(frozen_at) AS oldest
      FROM strongroom.chain_signers WHERE frozen_at IS NOT NULL
"""
_UNKNOWN_OPERATION = """
    SELECT count(*) AS count, (array_agg(r.id ORDER BY r.id))[1:50] AS keys
      FROM strongroom.releases r JOIN strongroom.escrows e ON e.id = r.escrow_id
     WHERE r.origin = 'chain' AND r.created_at > :now - interval '1 day'
       AND r.requested_by = 'chain:' || e.operator
"""
_TOO_DEEP = """
    SELECT count(*) AS count, array_agg(chain ORDER BY chain) AS keys, min(scanned_at) AS oldest
      FROM strongroom.chain_cursors
     WHERE error IN ('reorganised_too_deep', 'chain_id_changed')
"""
_NOT_READ = """
    SELECT count(*) AS count, array_agg(chain ORDER BY chain) AS keys, min(scanned_at) AS oldest
      FROM strongroom.chain_cursors WHERE scanned_at < :now - make_interval(secs => :older_than_s)
"""
_NOT_FOLLOWED = """
    SELECT count(*) AS count, (array_agg(DISTINCT e.escrow_id))[1:50] AS keys
      FROM strongroom.escrow_effects e
      JOIN strongroom.escrows s ON s.id = e.escrow_id
      JOIN strongroom.chain_cursors c ON c.chain = s.chain
     WHERE e.state = 'seen' AND e.block_number <= c.final_to
"""
_NOT_MINED = """
    SELECT count(*) AS count, (array_agg(id ORDER BY broadcast_at))[1:50] AS keys,
           min(broadcast_at) AS oldest
      FROM strongroom.chain_intents
     WHERE state = 'broadcast' AND broadcast_at < :now - make_interval(secs => :older_than_s)
"""

ON_CHAIN = (
    Condition(
        name="signer_frozen",
        priority="P1",
        title="A signer is frozen: somebody else may use its key",
        measured="Signers that sign nothing until a person has looked",
        runbook="key-leaked",
        measure=by_query(_SIGNER_FROZEN),
        settles_in=_AT_ONCE,
    ),
    Condition(
        name="operation_unknown",
        priority="P1",
        title="An escrow was released in our name, and not by us",
        measured="Releases of the last day that our operator's key made on chain without us",
        runbook="key-leaked",
        measure=by_query(_UNKNOWN_OPERATION),
        settles_in=_AT_ONCE,
        lapses=True,
    ),
    Condition(
        name="chain_reorganised_too_deep",
        priority="P1",
        title="A chain took back what was final",
        measured="Chains that are not read on, as what counted as final is not there any more",
        runbook="duplicate-release",
        measure=by_query(_TOO_DEEP),
        settles_in=_AT_ONCE,
    ),
    Condition(
        name="chain_not_read",
        priority="P2",
        title="A chain is not read",
        measured="Chains of which nothing was read for five minutes",
        runbook="pending-for-ever",
        measure=by_query(_NOT_READ, older_than_s=300),
        holds_for=_MINUTE,
    ),
    Condition(
        name="escrow_stuck",
        priority="P2",
        title="What is final on a chain is not booked",
        measured="Events of escrows that are final for ten minutes and not booked",
        runbook="pending-for-ever",
        measure=by_query(_NOT_FOLLOWED),
        holds_for=10 * _MINUTE,
    ),
    Condition(
        name="transactions_not_mined",
        priority="P2",
        title="Transactions are not mined",
        measured="Transactions that were handed in half an hour ago and are in no block",
        runbook="pending-for-ever",
        measure=by_query(_NOT_MINED, older_than_s=1_800),
        holds_for=_MINUTE,
    ),
)
