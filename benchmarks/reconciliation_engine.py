"""The matching engine alone on a world: seconds, memory, precision, recall, cost as it grows."""

from benchmarks.reconciliation_truth import Matched
from benchmarks.reconciliation_world import CURRENCY, World
from payments.bank_reference import extract_keys, reference_key
from payments.reconciliation.matching.model import OpenExpectation, OpenLine, Outcome


def lines_of(world: World) -> list[OpenLine]:
    """Return a world's lines as an import leaves them."""
    return [
        OpenLine(
            id=said.id,
            amount=said.amount,
            currency=CURRENCY,
            booked_on=said.booked_on,
            end_to_end_id=said.end_to_end_id,
            batch_ref=said.batch_ref,
            is_bank_charge=said.is_bank_charge,
            reference_keys=tuple(extract_keys(said.text, said.end_to_end_id)),
        )
        for said in world.said
    ]


def expectations_of(world: World) -> list[OpenExpectation]:
    """Return what a world's payments have the books expect."""
    return [
        OpenExpectation(
            id=paid.n,
            kind=paid.kind,
            amount=paid.amount,
            currency=CURRENCY,
            occurred_on=paid.occurred_on,
            provider_ref=paid.provider_ref,
            reference_key=reference_key(paid.reference),
            batch_ref=paid.batch_ref,
        )
        for paid in world.paid
    ]


def matched_by(outcome: Outcome) -> Matched:
    """Return what was matched, to be judged."""
    return {
        match.line_id: tuple(
            (part.expectation_id, part.amount)
            for part in match.parts
            if part.expectation_id is not None
        )
        for match in outcome.matches
    }
