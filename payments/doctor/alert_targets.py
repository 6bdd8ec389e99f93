"""Whether anybody would hear of an alert: which targets have addresses, and are they usable."""

from payments.alert_settings import TARGETS
from payments.alerts.apprise_sender import understands
from payments.alerts.routing import ROUTES
from payments.provider_checks import Check, State
from payments.settings import Settings

_NAME = "Alerts"
_SET = (
    'set ALERT_TARGETS, such as {"on_call": ["mailto://…"]}; then: strongroom alerts test on_call'
)


def alert_checks(settings: Settings) -> list[Check]:
    """Look at the addresses; nothing is sent. No address is repeated: they are secrets."""
    return [_targets(settings), _console(settings)]


def _targets(settings: Settings) -> Check:
    told = {target: settings.alert_targets.get(target, ()) for target in TARGETS}
    unusable = [
        f"address {number} of {target}"
        for target, addresses in told.items()
        for number, address in enumerate(addresses, start=1)
        if not understands(address)
    ]
    if unusable:
        change = "write it as apprise has it: https://appriseit.com/services"
        return Check(_NAME, State.FAIL, f"{', '.join(unusable)} is of no known kind", change)
    silent = [target for target, addresses in told.items() if not addresses]
    if not any(told[target] for target in ROUTES["P1"].first):
        state = State.WARN if settings.is_sandbox else State.FAIL
        return Check(_NAME, state, "nobody is woken when money is lost", _SET)
    if silent:
        return Check(_NAME, State.WARN, f"{', '.join(silent)} hear of nothing", _SET)
    count = sum(map(len, told.values()))
    return Check(_NAME, State.OK, f"{count} addresses, each target has one")


def _console(settings: Settings) -> Check:
    name = "Links in alerts"
    if settings.console_url is not None:
        return Check(name, State.OK, f"lead to {settings.console_url}")
    detail = "lead nowhere: who is woken has to find the console"
    return Check(name, State.WARN, detail, "set CONSOLE_URL, such as https://staff.example/console")
