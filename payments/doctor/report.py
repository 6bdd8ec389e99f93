"""The whole report: every part this process would work with, in the order people read it."""

import datetime as dt

from payments.chain_checks import chain_checks
from payments.doctor.alert_targets import alert_checks
from payments.doctor.configuration import configuration_checks
from payments.doctor.postgres import postgres_checks
from payments.doctor.printing import printing_checks
from payments.doctor.redis_server import redis_checks
from payments.doctor.stripe_clock import stripe_clock_checks
from payments.provider_checks import Check, provider_checks
from payments.settings import Settings


def checks(settings: Settings, *, now: dt.datetime) -> list[Check]:
    """Look at every part; nothing is changed and nothing raised."""
    return [
        *postgres_checks(settings, now=now),
        *redis_checks(settings),
        *provider_checks(settings),
        *stripe_clock_checks(settings, now=now),
        *chain_checks(settings),
        *configuration_checks(settings),
        *alert_checks(settings),
        *printing_checks(),
    ]
