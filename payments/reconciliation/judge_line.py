"""A person says what a statement line is: parts for what was expected, payments or accounts.

Or that it is none of our business: then it is discarded, with a reason.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from payments import idempotency
from payments.access.caller import Caller
from payments.errors import ConflictError, InvalidRequestError, NotFoundError
from payments.idempotency import Answered
from payments.reconciliation.accounts import DISCARDED, PLACES, is_place
from payments.reconciliation.book_lines import (
    BY_HAND,
    DISCARD,
    OPEN,
    OpenAmount,
    book_matches,
    lock_expectations,
    lock_lines,
)
from payments.reconciliation.line_entries import LockedLine
from payments.reconciliation.matching.model import Match, Part
from payments.reconciliation.receive_by_hand import (
    open_amounts,
    receive_for_payment,
    return_by_hand,
)
from payments.reconciliation.view_match import (
    MatchView,
    expectation_name,
    expectation_number,
    read_match,
)

OPERATION = "reconciliation.match"
MOST_PARTS = 500
_CERTAIN = 100
_NO_REASON = "matched by a person"


@dataclass(frozen=True, kw_only=True)
class WantedPart:
    """What a part of a line is: exactly one of the four; `amount` signed as the line's.

    A `receipt_id` is suspended money that went back to its payer with this line. Without an amount
    it is what is open of the expectation, or what is left of the line.
    """

    expectation_id: str | None = None
    payment_id: str | None = None
    receipt_id: str | None = None
    account: str | None = None
    amount: int | None = None

    def content(self) -> dict[str, object]:
        """Return what a repeated request must say again."""
        return {**vars(self)}


def match_line(
    session: Session,
    *,
    caller: Caller,
    reference: str,
    line_id: str,
    parts: Sequence[WantedPart],
    reason: str | None,
    now: dt.datetime,
) -> Answered[MatchView]:
    """Match a line with its parts, which add up to it exactly; once per reference.

    A part for a payment is money received for it, as if its provider had told of it.

    Raises:
        InvalidRequestError: a part names nothing, or more than one thing.
        NotFoundError: there is no such line, expectation or payment.
        ConflictError: it is matched already, or the parts do not add up or are not open.
        InProgressError, ReferenceReusedError.
    """
    content = {"parts": [part.content() for part in parts], "reason": reason}
    claim = _claim(session, caller, reference, line_id, content, now=now)
    if claim.replayed_id is not None:
        return Answered(read_match(session, claim.replayed_id), replayed=True)
    _check_form(parts)
    line = _open_line(session, line_id)
    amounts = _amounts(session, line, parts)
    found: list[Part] = []
    for wanted, amount in zip(parts, amounts, strict=True):
        found.append(_part(session, line, wanted, amount, now=now))
    _check_open(line, found, session)
    match = Match(line.id, tuple(found), BY_HAND, _CERTAIN, reason or _NO_REASON)
    return _book(session, match, claim, caller, now=now)


def discard_line(
    session: Session, *, caller: Caller, reference: str, line_id: str, reason: str, now: dt.datetime
) -> Answered[MatchView]:
    """Say that a line has nothing to do with us, and why; once per reference.

    Raises:
        NotFoundError: there is no such line.
        ConflictError: it is matched or discarded already.
        InProgressError, ReferenceReusedError.
    """
    claim = _claim(session, caller, reference, line_id, {"discard": reason}, now=now)
    if claim.replayed_id is not None:
        return Answered(read_match(session, claim.replayed_id), replayed=True)
    line = _open_line(session, line_id)
    part = Part(line.amount, account=DISCARDED)
    return _book(
        session, Match(line.id, (part,), DISCARD, _CERTAIN, reason), claim, caller, now=now
    )


def _claim(
    session: Session,
    caller: Caller,
    reference: str,
    line_id: str,
    content: Mapping[str, object],
    *,
    now: dt.datetime,
) -> idempotency.Claim:
    return idempotency.claim(
        session,
        principal=caller.principal,
        operation=OPERATION,
        reference=reference,
        fingerprint=idempotency.fingerprint({"line_id": line_id, **content}),
        now=now,
    )


def _book(
    session: Session, match: Match, claim: idempotency.Claim, caller: Caller, *, now: dt.datetime
) -> Answered[MatchView]:
    made = book_matches(session, [match], run_id=None, made_by=caller.principal, now=now)
    if not made:
        raise ConflictError("The ledger does not take this match; see the log.")
    [(match_id, _)] = made
    idempotency.finish(session, claim, resource_id=match_id, now=now)
    return Answered(read_match(session, match_id), replayed=False)


def _open_line(session: Session, line_id: str) -> LockedLine:
    line = lock_lines(session, [line_id]).get(line_id)
    if line is None:
        raise NotFoundError("There is no such line.")
    if line.state not in OPEN:
        raise ConflictError(
            f"The line is {line.state} already; undo that first.", code="line_not_open"
        )
    return line


def _check_form(parts: Sequence[WantedPart]) -> None:
    if not 1 <= len(parts) <= MOST_PARTS:
        _refuse(f"Give 1 to {MOST_PARTS} parts.")
    for part in parts:
        named = [part.expectation_id, part.payment_id, part.receipt_id, part.account]
        if sum(name is not None for name in named) != 1:
            _refuse("Each part names an expectation, a payment, a receipt or an account: one.")
        if part.account is not None and not is_place(part.account):
            listed = ", ".join(PLACES)
            _refuse(f"Use one of {listed}, or expenses:processing:<provider>.")
        if part.expectation_id is not None and expectation_number(part.expectation_id) is None:
            _refuse(f"{part.expectation_id} is no id of an expectation.")
        if part.amount == 0:
            _refuse("A part is not zero.")
    names = [
        part.expectation_id or part.payment_id or part.receipt_id
        for part in parts
        if part.account is None
    ]
    if len(set(names)) != len(names):
        _refuse("Name each expectation, payment and receipt once.")
    if sum(part.amount is None and part.expectation_id is None for part in parts) > 1:
        _refuse("Only one part may leave its amount out: it is what is left of the line.")


def _refuse(fault: str) -> None:
    raise InvalidRequestError("The match is not valid.", errors={"parts": [fault]})


def _amounts(session: Session, line: LockedLine, parts: Sequence[WantedPart]) -> list[int]:
    """Return what each part is of the line; they add up to it."""
    numbers = [expectation_number(part.expectation_id or "") for part in parts]
    is_open = open_amounts(session, [number for number in numbers if number is not None])
    amounts: list[int | None] = []
    for part, number in zip(parts, numbers, strict=True):
        if number is not None and number not in is_open:
            raise NotFoundError(f"There is no expectation {part.expectation_id}.")
        whole = None if number is None else is_open[number].amount
        amounts.append(whole if part.amount is None else part.amount)
    named = sum(amount for amount in amounts if amount is not None)
    found = [line.amount - named if amount is None else amount for amount in amounts]
    difference = line.amount - sum(found)
    if difference or 0 in found:
        raise ConflictError(
            f"The line is {line.amount} {line.currency} and the parts come to {sum(found)}:"
            f" they differ by {difference}, and no part may be nothing.",
            code="amounts_differ",
        )
    return found


def _part(
    session: Session, line: LockedLine, wanted: WantedPart, amount: int, *, now: dt.datetime
) -> Part:
    if wanted.account is not None:
        return Part(amount, account=wanted.account)
    if wanted.payment_id is not None:
        expectation_id = receive_for_payment(
            session, line, payment_id=wanted.payment_id, amount=amount, now=now
        )
        return Part(amount, expectation_id)
    if wanted.receipt_id is not None:
        expectation_id = return_by_hand(
            session, line, receipt_id=wanted.receipt_id, amount=amount, now=now
        )
        return Part(amount, expectation_id)
    return Part(amount, expectation_number(wanted.expectation_id or ""))


def _check_open(line: LockedLine, parts: Sequence[Part], session: Session) -> None:
    ids = [part.expectation_id for part in parts if part.expectation_id is not None]
    is_open = lock_expectations(session, ids)
    for part in parts:
        if part.expectation_id is not None:
            _check_fits(line, part, expectation_name(part.expectation_id), is_open)


def _check_fits(line: LockedLine, part: Part, name: str, is_open: Mapping[int, OpenAmount]) -> None:
    left = is_open[part.expectation_id or 0]
    if left.currency != line.currency:
        raise ConflictError(
            f"{name} is in {left.currency}, the line in {line.currency}.", code="currency_differs"
        )
    if left.amount * part.amount <= 0 or abs(part.amount) > abs(left.amount):
        raise ConflictError(
            f"{left.amount} is open of {name}, which cannot take {part.amount}.",
            code="expectation_not_open",
        )
