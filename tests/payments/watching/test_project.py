"""Where an escrow stands follows from what happened alone: whatever the order it is told in."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.lifecycle.stages import Status
from payments.watching.project import Standing, project

NOW = dt.datetime(2026, 11, 22, tzinfo=dt.UTC)
AMOUNT = 100
TOKEN = "0xToken"


@dataclass(frozen=True)
class Told:
    kind: str
    state: str
    amount: int
    block_number: int
    log_index: int = 0
    token_address: str | None = TOKEN


def standing(effects: Sequence[Told], **changed: Any) -> Standing:
    told: dict[str, Any] = {
        "token": TOKEN,
        "fund_by": NOW,
        "final_at": NOW,
        "will_not_deploy": False,
    }
    return project(effects, **{**told, **changed})


def story(draw: st.DrawFn) -> list[Told]:
    """Return what a contract could have done up to some block, final up to another."""
    deeds = [("created", 0), ("deposited", AMOUNT)]
    left = AMOUNT
    for kind in draw(st.lists(st.sampled_from(("released", "refunded", "disputed", "paused")))):
        amount = draw(st.integers(1, left)) if kind in ("released", "refunded") and left else 0
        left -= amount
        if amount or kind in ("disputed", "paused"):
            deeds.append((kind, amount))
    if left and draw(st.booleans()):
        deeds.append(("reclaimed", left))
    head = draw(st.integers(0, len(deeds)))
    final_to = draw(st.integers(0, head))
    return [
        Told(kind, "final" if number < final_to else "seen", amount, number)
        for number, (kind, amount) in enumerate(deeds[:head])
    ]


stories = st.composite(story)()


@given(stories, st.randoms(use_true_random=False))
def test_any_order_leads_to_the_same(effects: list[Told], random: Any) -> None:
    shuffled = list(effects)
    random.shuffle(shuffled)
    assert standing(shuffled) == standing(effects)


@given(stories)
def test_what_is_orphaned_did_not_happen(effects: list[Told]) -> None:
    for cut in range(len(effects) + 1):
        orphaned = [replace(effect, state="orphaned") for effect in effects[cut:]]
        assert standing([*effects[:cut], *orphaned]) == standing(effects[:cut])


@given(stories)
def test_deposited_is_released_refunded_or_remaining(effects: list[Told]) -> None:
    now = standing(effects)
    assert now.deposited in (0, AMOUNT)
    assert now.deposited == now.released + now.refunded + now.remaining
    assert now.remaining >= 0
    charged = now.payment_status in (
        Status.SUCCEEDED,
        Status.PARTIALLY_REFUNDED,
        Status.REFUNDED,
        Status.DISPUTED,
    )
    assert charged == (now.deposited > 0)
    assert (now.status == "closed") == (now.deposited > 0 and now.remaining == 0)


@given(stories)
def test_more_blocks_never_take_final_money_back(effects: list[Told]) -> None:
    final = [replace(effect, state="final") for effect in effects]
    before, after = standing(effects), standing(final)
    assert after.deposited >= before.deposited
    assert after.released >= before.released
    assert after.refunded >= before.refunded


SEEN = {"created": Told("created", "seen", 0, 1), "deposited": Told("deposited", "seen", AMOUNT, 2)}
LATE = {"final_at": NOW + dt.timedelta(seconds=1)}


@pytest.mark.parametrize(
    ("effects", "circumstances", "status", "payment"),
    [
        ([], {}, "deploying", "created"),
        ([], {"will_not_deploy": True}, "failed", "canceled"),
        ([], LATE, "failed", "canceled"),
        (["created"], {}, "awaiting_deposit", "requires_action"),
        (["created"], {"will_not_deploy": True}, "awaiting_deposit", "requires_action"),
        (["created"], LATE, "expired", "expired"),
        (["created", "deposited"], {}, "deposit_seen", "processing"),
        (["created", "deposited"], LATE, "deposit_seen", "processing"),
    ],
)
def test_what_is_shown_before_the_deposit_is_final(
    effects: list[str], circumstances: dict[str, Any], status: str, payment: str
) -> None:
    now = standing([SEEN[kind] for kind in effects], **circumstances)
    assert (now.status, now.payment_status) == (status, payment)


def test_the_last_switch_decides_whether_it_is_paused() -> None:
    switches = [Told("paused", "seen", 0, 5), Told("unpaused", "seen", 0, 5, log_index=1)]
    assert not standing(switches).is_paused
    assert not standing(switches[::-1]).is_paused
    assert standing(switches[:1]).is_paused


def test_tokens_sent_past_the_deposit_count_until_they_are_rescued() -> None:
    stray = [Told("stray", "final", 7, 3), Told("stray", "seen", 5, 9)]
    other = Told("stray", "final", 100, 4, token_address="0xOther")
    assert standing([*stray, other]).stray == 7
    assert standing([*stray, Told("rescued", "final", 7, 5)]).stray == 0
