"""What a signer signs: an intent that has its nonce, as its subject says, within all limits."""

import datetime as dt
from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.chain.instructions import MOST_GAS, compare, derive, refused
from payments.chain.limits import refuse_above_limits
from payments.chain.sending import highest_fees
from payments.chain.tables import ChainAttempt, ChainIntent, ChainSigner
from payments.chain_settings import ChainSettings
from payments.freezes.covering import covering
from payments.providers.chain_port import ChainPort, Fees, Unsigned
from payments.standstill.standing import standing_still


def unsigned_of(
    session: Session,
    intent_id: str,
    *,
    fees: Fees,
    chains: Mapping[str, ChainSettings],
    ports: Mapping[str, ChainPort],
    now: dt.datetime,
) -> Unsigned:
    """Return the transaction to sign for an intent, worked out anew from the database.

    `ports` only encode here: nothing is asked of a chain.

    Raises:
        SigningRefusedError: it must not be signed; its code says why in a word.
    """
    stands = standing_still(session)
    if stands is not None:
        raise refused("signer_frozen", f"This database was restored ({stands}).")
    intent = session.get(ChainIntent, intent_id)
    if intent is None:
        raise refused("unknown_intent", f"There is no intent {intent_id}.")
    if intent.chain not in chains or intent.chain not in ports:
        raise refused("other_chain", f"{intent.chain} is none of our chains.")
    chain = chains[intent.chain]
    instruction = derive(session, intent, chain=chain, port=ports[intent.chain])
    compare(intent, instruction)
    nonce = _nonce_of(session, intent)
    if instruction.order_id is not None and covering(session, instruction.order_id) is not None:
        raise refused("frozen", f"{intent.id} releases what is frozen.")
    refuse_above_limits(session, intent, chain=chain, now=now)
    _refuse_above_fees(fees, highest_fees(chain))
    return Unsigned(
        chain_id=chain.chain_id,
        sender=intent.signer,
        nonce=nonce,
        to=instruction.to,
        calldata=instruction.calldata,
        value=0,
        gas_limit=_gas_limit_of(intent),
        fees=fees,
    )


def _nonce_of(session: Session, intent: ChainIntent) -> int:
    """Return the nonce that is the intent's, and nobody else's."""
    if intent.state not in {"signed", "broadcast"} or intent.nonce is None:
        raise refused("state", f"{intent.id} is {intent.state}: it has no nonce to be signed with.")
    signer = session.get(ChainSigner, (intent.chain, intent.signer))
    if signer is None or signer.frozen_at is not None:
        raise refused("signer_frozen", f"{intent.signer} signs nothing on {intent.chain} now.")
    if intent.nonce >= signer.next_nonce:
        raise refused("nonce", f"{intent.id} has a nonce that was not taken.")
    others = (
        select(ChainAttempt.tx_hash)
        .join(ChainIntent, ChainIntent.id == ChainAttempt.intent_id)
        .where(
            ChainIntent.chain == intent.chain,
            ChainIntent.signer == intent.signer,
            ChainAttempt.nonce == intent.nonce,
            ChainAttempt.intent_id != intent.id,
            ChainAttempt.discarded_at.is_(None),
        )
    )
    mine = select(ChainAttempt.tx_hash).where(
        ChainAttempt.intent_id == intent.id,
        ChainAttempt.nonce != intent.nonce,
        ChainAttempt.discarded_at.is_(None),
    )
    if session.execute(others.limit(1)).first() or session.execute(mine.limit(1)).first():
        raise refused("nonce", f"{intent.id}: its nonce, or another one for it, was signed before.")
    return intent.nonce


def _gas_limit_of(intent: ChainIntent) -> int:
    if intent.gas_limit is None or not 0 < intent.gas_limit <= MOST_GAS[intent.kind]:
        raise refused("gas", f"{intent.id} may not use {intent.gas_limit} gas.")
    return intent.gas_limit


def _refuse_above_fees(fees: Fees, highest: Fees) -> None:
    if not 0 < fees.max_fee <= highest.max_fee:
        raise refused("fee", f"{fees.max_fee} wei for a unit of gas are outside of the policy.")
    if not 0 <= fees.priority_fee <= min(highest.priority_fee, fees.max_fee):
        raise refused("fee", f"A tip of {fees.priority_fee} wei is outside of the policy.")
