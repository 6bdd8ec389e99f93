"""The words of a message about an alert: what, how many, since when, and where to read on."""

import datetime as dt
from typing import NamedTuple

from payments.alerts.condition import Condition
from payments.alerts.tables import Alert

_AFTERWORDS = {
    "opened": "",
    "again": " (still so, and nobody has acknowledged it)",
    "worse": " (more than when it was acknowledged)",
    "resolved": ": over",
}
_NAMED = 10


class Message(NamedTuple):
    """What people read."""

    title: str
    body: str


def compose(
    alert: Alert, condition: Condition, *, kind: str, console_url: str, now: dt.datetime
) -> Message:
    """Return the message of a kind (`opened`, `again`, `worse`, `resolved`) about an alert."""
    title = f"[{alert.priority}] {condition.title}{_AFTERWORDS[kind]}"
    until = alert.clear_since or now if kind == "resolved" else now
    lasted = f"It lasted {_duration(until - alert.since)}, since" if kind == "resolved" else "Since"
    lines = [
        f"{lasted} {alert.since:%Y-%m-%d %H:%M} UTC.",
        f"{condition.measured}: {_figures(alert)}.",
    ]
    if alert.figures.get("keys"):
        keys = alert.figures["keys"]
        more = f" and {alert.figures['count'] - _NAMED} more" if len(keys) > _NAMED else ""
        lines.append(f"{', '.join(keys[:_NAMED])}{more}")
    if alert.reopened:
        lines.append(f"It came back {alert.reopened} times.")
    lines += [
        f"What to do: {console_url}/runbooks/{condition.runbook}",
        f"The alert: {console_url}/alerts/{alert.id}",
    ]
    if kind != "resolved":
        lines.append(f"Acknowledge it there, or: strongroom alerts acknowledge {alert.id}")
    return Message(title, "\n".join(lines))


def _figures(alert: Alert) -> str:
    figures = {
        name: value for name, value in alert.figures.items() if name not in ("count", "keys")
    }
    told = ", ".join(f"{name.replace('_', ' ')} {_value(v)}" for name, v in figures.items())
    return f"{alert.figures['count']}" + (f" ({told})" if told else "")


def _value(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {count}" for name, count in value.items())
    return str(value)


def _duration(time: dt.timedelta) -> str:
    minutes = int(time.total_seconds() // 60)
    if minutes < 1:
        return "less than a minute"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
