"""From which amount on the platform must know somebody how well."""

import pytest
from sqlalchemy import Engine

from payments.errors import ForbiddenError
from payments.kyc import KycThresholds
from payments.settings import SettingsError, read_settings
from tests.payments.releases.till import Till
from tests.web.conftest import environment


@pytest.mark.parametrize(
    ("amount", "asset", "needed"),
    [
        (0, "EUR", "basic"),
        (999, "EUR", "basic"),
        (1_000, "EUR", "full"),
        (5_000, "USDC", "basic"),
        (10_000, "USDC", "full"),
    ],
)
def test_the_highest_level_whose_threshold_is_reached_is_needed(
    amount: int, asset: str, needed: str
) -> None:
    thresholds = KycThresholds({"basic": {"*": 0}, "full": {"EUR": 1_000, "*": 10_000}})
    assert thresholds.needed(amount=amount, asset=asset) == needed
    assert thresholds.suffice("full", amount=amount, asset=asset)
    assert thresholds.suffice("basic", amount=amount, asset=asset) == (needed == "basic")
    assert not thresholds.suffice("none", amount=amount, asset=asset)


def thresholds_of(text: str) -> KycThresholds:
    nowhere = environment(database_url="postgresql://a:b@127.0.0.1:9/c", redis_url="redis://h:9")
    return read_settings(nowhere | {"KYC_REQUIRED": text}).kyc_thresholds


def test_the_setting_adds_to_the_default_and_can_replace_it() -> None:
    found = thresholds_of('{"full": {"EUR": "1000000"}}').by_level
    assert found == {"basic": {"*": 0}, "full": {"EUR": 1_000_000}}
    assert thresholds_of('{"basic": {}}').needed(amount=1, asset="EUR") == "none"
    assert thresholds_of("").needed(amount=0, asset="EUR") == "basic"


@pytest.mark.parametrize(
    "text",
    [
        *('{"none": {"*": 0}}', '{"full": 5}', '{"full": {"eur": 1}}', '{"full": {"EUR": 1.5}}'),
        *('{"full": {"EUR": true}}', '{"full": {"EUR": "-1"}}', "[]", '{"total": {"EUR": 1}}'),
    ],
)
def test_a_setting_that_says_nothing_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="KYC_REQUIRED"):
        thresholds_of(text)


@pytest.fixture
def till(engine: Engine) -> Till:
    return Till(engine)


def test_small_releases_count_together(till: Till) -> None:
    """What was released within a year is counted, or much would go out in small parts."""
    kyc = KycThresholds({"basic": {"*": 0}, "full": {"EUR": 10_000}})
    order = till.paid()
    assert till.release(order, 5_000, kyc=kyc).resource.status == "posted"
    with pytest.raises(ForbiddenError, match="full") as told:
        till.release(order, 5_000, kyc=kyc)
    assert told.value.code == "kyc_required"
    till.know("full")
    assert till.release(order, 5_000, kyc=kyc).resource.status == "posted"
