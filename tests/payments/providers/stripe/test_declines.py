"""Every code Stripe documents has something to say to the payer, and the dangerous ones nothing."""

import pytest

from payments.providers.stripe.declines import TABLE, Actor, NextStep, explain

# https://docs.stripe.com/declines/codes, as of 2026-11
DOCUMENTED = """
authentication_required authentication_not_handled approve_with_id call_issuer card_not_supported
card_velocity_exceeded currency_not_supported do_not_honor do_not_try_again duplicate_transaction
expired_card fraudulent generic_decline incorrect_address incorrect_cvc incorrect_number
incorrect_pin incorrect_zip insufficient_funds invalid_account invalid_amount invalid_cvc
invalid_expiry_month invalid_expiry_year invalid_number invalid_pin issuer_not_available lost_card
merchant_blacklist mobile_device_authentication_required new_account_information_available
no_action_taken not_permitted offline_pin_required online_or_offline_pin_required pickup_card
pin_try_exceeded processing_error reenter_transaction restricted_card
revocation_of_all_authorizations revocation_of_authorization security_violation service_not_allowed
stolen_card stop_payment_order testmode_decline transaction_not_allowed try_again_later
withdrawal_count_limit_exceeded
"""

# Of these Stripe says: do not tell the customer more than of a generic decline.
KEPT_QUIET = ["fraudulent", "lost_card", "merchant_blacklist", "stolen_card"]


@pytest.mark.parametrize("code", DOCUMENTED.split())
def test_every_documented_code_is_explained(code: str) -> None:
    assert code in TABLE
    told = explain(code="card_declined", decline_code=code)
    assert told.message.endswith(".")
    assert told.next_step in set(NextStep)
    assert told.code in ("card_declined", "authentication_failed")


@pytest.mark.parametrize("code", [code for code, meaning in TABLE.items() if meaning.is_hidden])
def test_who_may_be_the_thief_learns_nothing(code: str) -> None:
    generic = explain(code="card_declined", decline_code="generic_decline")
    assert explain(code="card_declined", decline_code=code) == generic
    assert generic.stripe_code == "generic_decline"


def test_what_stripe_wants_kept_quiet_is() -> None:
    assert all(TABLE[code].is_hidden for code in KEPT_QUIET)


def test_all_other_codes_are_shown_as_they_are() -> None:
    for code, meaning in TABLE.items():
        if not meaning.is_hidden:
            assert explain(code=None, decline_code=code).stripe_code == code
            assert code.split("_")[0] not in ("lost", "stolen", "fraud", "fraudulent")


def test_messages_are_fit_for_the_payer() -> None:
    for code, meaning in TABLE.items():
        assert code not in meaning.message
        assert "_" not in meaning.message
        assert len(meaning.message) < 100
        for word in ("stolen", "lost", "fraud", "suspicious", "risk"):
            assert word not in meaning.message.lower()


def test_an_unknown_code_is_kept_quiet() -> None:
    told = explain(code="card_declined", decline_code="a_code_of_next_year")
    assert told == explain(code="card_declined", decline_code="generic_decline")
    assert explain(code=None, decline_code=None).stripe_code == "generic_decline"


def test_a_code_without_a_decline_code_is_explained_too() -> None:
    assert explain(code="incorrect_cvc", decline_code=None).next_step == "check_card_details"
    unconfirmed = explain(code="payment_intent_authentication_failure", decline_code=None)
    assert (unconfirmed.code, unconfirmed.next_step) == ("authentication_failed", "authenticate")


@pytest.mark.parametrize(
    ("code", "actor"),
    [
        ("insufficient_funds", Actor.PAYER),
        ("incorrect_cvc", Actor.PAYER),
        ("do_not_honor", Actor.BANK),
        ("invalid_amount", Actor.PLATFORM),
    ],
)
def test_who_must_act(code: str, actor: Actor) -> None:
    assert TABLE[code].next_step.actor is actor
