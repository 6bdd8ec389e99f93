"""The setting of targets, and what the doctor says of it; addresses are secrets."""

import dataclasses
import json

import pytest

from payments.doctor.alert_targets import alert_checks
from payments.provider_checks import State
from payments.settings import Settings, SettingsError, read_settings
from payments.variables import Environment
from tests.payments.alerts.conftest import ENVIRONMENT

EVERYBODY = {
    target: ["mailto://user:s3cret@example.com"]
    for target in ("on_call", "finance_lead", "executive", "sre", "support")
}


def settings_with(targets: object) -> Settings:
    given = {"DATABASE_URL": "postgresql://a:b@127.0.0.1:9/c", "ALERT_TARGETS": json.dumps(targets)}
    return read_settings({**ENVIRONMENT, **given})


def test_addresses_are_read_and_never_shown() -> None:
    settings = settings_with(EVERYBODY)
    assert settings.alert_targets["on_call"] == ("mailto://user:s3cret@example.com",)
    assert "s3cret" not in repr(settings)


@pytest.mark.parametrize(
    "targets", [{"boss": ["mailto://x"]}, {"on_call": "mailto://x"}, {"on_call": ["nobody"]}]
)
def test_what_cannot_be_a_target_is_refused_at_start(targets: object) -> None:
    with pytest.raises(SettingsError, match="ALERT_TARGETS"):
        settings_with(targets)


@pytest.mark.parametrize(
    ("targets", "state"),
    [
        (EVERYBODY, State.OK),
        ({**EVERYBODY, "sre": []}, State.WARN),
        ({"sre": EVERYBODY["sre"]}, State.FAIL),
        ({**EVERYBODY, "on_call": ["carrier-pigeon://s3cret"]}, State.FAIL),
    ],
)
def test_the_doctor_says_who_would_hear_nothing(
    targets: dict[str, list[str]], state: State
) -> None:
    settings = settings_with(targets)
    settings = dataclasses.replace(settings, environment=Environment.PRODUCTION)
    targets_check, console = alert_checks(settings)
    assert targets_check.state is state
    assert "s3cret" not in f"{targets_check}"
    assert console.state is State.WARN
