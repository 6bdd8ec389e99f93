"""What an intent must say, worked out from what it is for and not from the intent itself.

Whoever could write an intent, or change one, gets nothing signed that its subject does not say. An
escrow keeps its operator, arbiter and guardian when the settings name others: its address commits
to them. Only new ones must have those of the settings.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.chain.tables import ChainIntent
from payments.chain_settings import ChainSettings
from payments.providers.chain_errors import SigningRefusedError
from payments.providers.chain_port import ChainPort, Terms
from payments.providers.evm.addresses import checksum, keccak_of

MOST_GAS = {
    "deploy": 1_500_000,
    "release": 600_000,
    "refund": 600_000,
    "dispute": 300_000,
    "noop": 300_000,
}
"""The most gas each kind of transaction may be given; what it takes is estimated."""

WAITS = frozenset(
    {"frozen", "limit_day", "signer_frozen", "escrow_not_funded", "insufficient_funds"}
)
"""Codes of refusals that time or people may end; after another one, an intent is canceled."""

_ESCROW = text("SELECT * FROM strongroom.escrows WHERE id = :id")
_RELEASE = text("SELECT * FROM strongroom.releases WHERE id = :id")
_REFUND = text("""
    SELECT refund.id, refund.amount, refund.currency, refund.status, escrow.id AS escrow_id
      FROM strongroom.refunds refund
      JOIN strongroom.escrows escrow ON escrow.payment_id = refund.payment_id
     WHERE refund.id = :id
""")

_Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Instruction:
    """What `signer` is to sign; `order_id` is whose money is released, if it is a release."""

    signer: str
    to: str
    calldata: bytes
    asset: str | None = None
    amount: int = 0
    order_id: str | None = None


def derive(
    session: Session, intent: ChainIntent, *, chain: ChainSettings, port: ChainPort
) -> Instruction:
    """Return what an intent's subject says is to be done; `port` only encodes.

    What was handed in before is looked at less closely: a higher fee for the same transaction
    moves nothing that was not let go already, and without it all later ones would wait.

    Raises:
        SigningRefusedError: the subject does not say so, or not any more.
    """
    return _DERIVE[intent.kind](session, intent, chain, port)


def compare(intent: ChainIntent, instruction: Instruction) -> None:
    """Refuse an intent that says something else than its subject.

    Raises:
        SigningRefusedError: it does (`other_signer`, `other_contract`, `other_call`,
            `other_amount`, `value`).
    """
    if intent.signer != instruction.signer:
        raise refused("other_signer", f"{intent.id} is not of the operator of its escrow.")
    if intent.to_address != instruction.to:
        raise refused("other_contract", f"{intent.id} goes to another contract than it should.")
    if bytes(intent.calldata) != instruction.calldata:
        raise refused("other_call", f"{intent.id} calls for something else than it should.")
    if (intent.asset, intent.amount) != (instruction.asset, instruction.amount):
        raise refused("other_amount", f"{intent.id} moves something else than it should.")
    if intent.value != 0:
        raise refused("value", f"{intent.id} sends coins along; nothing of ours does.")


def refused(code: str, detail: str) -> SigningRefusedError:
    """Return the error that says why something is not signed."""
    return SigningRefusedError(detail, code=code)


def _deploy(
    session: Session, intent: ChainIntent, chain: ChainSettings, port: ChainPort
) -> Instruction:
    escrow = _find(session, _ESCROW, intent)
    terms = _terms_of(escrow, chain, port)
    if escrow["status"] != "deploying" and intent.broadcast_at is None:
        raise refused("not_deploying", f"{escrow['id']} is {escrow['status']}.")
    if intent.broadcast_at is None:
        _require_our_roles(escrow, chain)
    return Instruction(
        signer=terms.operator, to=checksum(chain.factory), calldata=port.encode_create(terms)
    )


def _release(
    session: Session, intent: ChainIntent, chain: ChainSettings, port: ChainPort
) -> Instruction:
    release = _find(session, _RELEASE, intent)
    if release["escrow_id"] is None or release["origin"] != "api":
        raise refused("not_on_chain", f"{release['id']} is none that we make on a chain.")
    open_ones = {"approved", "signed", "broadcast", "mined"}
    if release["status"] not in open_ones or (
        intent.broadcast_at is None and release["status"] not in {"approved", "signed"}
    ):
        raise refused("not_approved", f"{release['id']} is {release['status']}.")
    approved_by = release["approved_by"]
    if release["needs_approval"] and approved_by in (None, release["requested_by"]):
        raise refused("not_approved", f"{release['id']} was not approved by a second person.")
    if release["operation_id"] != keccak_of(release["id"]):
        raise refused("other_operation", f"{release['id']} has an operation id of another one.")
    escrow = _escrow_of(session, release, intent, chain, port)
    if escrow["order_id"] != release["order_id"] or escrow["asset"] != release["currency"]:
        raise refused("other_escrow", f"{release['id']} is not of its escrow's order.")
    return Instruction(
        signer=escrow["operator"],
        to=escrow["contract_address"],
        calldata=port.encode_release(release["operation_id"], int(release["amount"])),
        asset=escrow["asset"],
        amount=int(release["amount"]),
        order_id=escrow["order_id"],
    )


def _refund(
    session: Session, intent: ChainIntent, chain: ChainSettings, port: ChainPort
) -> Instruction:
    refund = _find(session, _REFUND, intent)
    if refund["status"] != "pending":
        raise refused("not_pending", f"{refund['id']} is {refund['status']}.")
    escrow = _escrow_of(session, refund, intent, chain, port)
    if escrow["asset"] != refund["currency"]:
        raise refused("other_escrow", f"{refund['id']} is not in its escrow's asset.")
    return Instruction(
        signer=escrow["operator"],
        to=escrow["contract_address"],
        calldata=port.encode_refund(keccak_of(refund["id"]), int(refund["amount"])),
        asset=escrow["asset"],
        amount=int(refund["amount"]),
    )


def _dispute(
    session: Session, intent: ChainIntent, chain: ChainSettings, port: ChainPort
) -> Instruction:
    escrow = _escrow_of(session, {"escrow_id": intent.subject_id}, intent, chain, port)
    return Instruction(
        signer=escrow["operator"],
        to=escrow["contract_address"],
        calldata=port.encode_dispute(),
    )


def _noop(
    _session: Session, intent: ChainIntent, _chain: ChainSettings, _port: ChainPort
) -> Instruction:
    if intent.subject_id != intent.id:
        raise refused("other_subject", f"{intent.id} does nothing, but for something.")
    return Instruction(signer=intent.signer, to=intent.signer, calldata=b"")


def _find(session: Session, query: Any, intent: ChainIntent, *, id_: str | None = None) -> _Row:
    subject_id = intent.subject_id if id_ is None else id_
    found = session.execute(query, {"id": subject_id}).mappings().one_or_none()
    if found is None:
        raise refused("unknown_subject", f"{intent.id} is for {subject_id}, which does not exist.")
    return dict(found)


def _escrow_of(
    session: Session, subject: _Row, intent: ChainIntent, chain: ChainSettings, port: ChainPort
) -> _Row:
    escrow = _find(session, _ESCROW, intent, id_=subject["escrow_id"])
    _terms_of(escrow, chain, port)
    if intent.broadcast_at is None and escrow["status"] != "funded":
        if escrow["status"] in {"awaiting_deposit", "deposit_seen"}:  # after a reorganisation
            raise refused("escrow_not_funded", f"{escrow['id']} is not funded now.")
        raise refused("escrow_not_open", f"{escrow['id']} is {escrow['status']}.")
    return escrow


def _terms_of(escrow: _Row, chain: ChainSettings, port: ChainPort) -> Terms:
    """Return an escrow's terms, which its contract's address commits to, every one of them.

    Raises:
        SigningRefusedError: address and terms disagree, or its asset is none of our settings.
    """
    if escrow["chain"] != chain.name:
        raise refused("other_chain", f"{escrow['id']} is on {escrow['chain']}.")
    if escrow["asset"] not in chain.assets:
        raise refused("asset", f"{escrow['asset']} is not among the assets of {chain.name}.")
    token = chain.token_of(escrow["asset"])
    if escrow["token_address"] != (None if token is None else checksum(token)):
        raise refused("asset", f"{escrow['id']} holds another token than {escrow['asset']}.")
    if escrow["chain_reference"] != keccak_of(escrow["id"]):
        raise refused("other_reference", f"{escrow['id']} has a reference of another one.")
    terms = Terms(
        reference=escrow["chain_reference"],
        depositor=escrow["depositor"],
        beneficiary=escrow["beneficiary"],
        operator=escrow["operator"],
        arbiter=escrow["arbiter"],
        guardian=escrow["guardian"],
        token=escrow["token_address"],
        amount=int(escrow["amount"]),
        fund_by=int(escrow["fund_by"].timestamp()),
        release_by=int(escrow["release_by"].timestamp()),
        arbiter_by=int(escrow["arbiter_by"].timestamp()),
    )
    if port.predict_address(terms) != escrow["contract_address"]:
        raise refused("other_contract", f"{escrow['id']} has not the address its terms give.")
    return terms


def _require_our_roles(escrow: _Row, chain: ChainSettings) -> None:
    """Refuse to make an escrow with another operator, arbiter or guardian than the settings'."""
    for role in ("operator", "arbiter", "guardian"):
        if escrow[role] != checksum(getattr(chain, role)):
            raise refused("other_role", f"{escrow['id']} has another {role} than {chain.name}.")


_Derive = Callable[[Session, ChainIntent, ChainSettings, ChainPort], Instruction]
_DERIVE: Mapping[str, _Derive] = {
    "deploy": _deploy,
    "release": _release,
    "refund": _refund,
    "dispute": _dispute,
    "noop": _noop,
}
