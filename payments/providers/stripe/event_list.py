"""Stripe's own list of events, for those whose webhooks did not reach us.

What comes from it is trusted: we asked with our key. An event reads there as in its webhook.
https://docs.stripe.com/api/events/list
"""

import datetime as dt
import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import stripe
from stripe import StripeClient
from stripe.params import EventListParams, EventListParamsCreated

from payments.errors import UnavailableError

KEPT = dt.timedelta(days=30)
"""How far back Stripe's list reaches."""

PAGE = 100


@dataclass(frozen=True, kw_only=True)
class ListedEvent:
    """An event of Stripe's list; `payload` is what its webhook would carry."""

    event_id: str
    type: str
    occurred_at: dt.datetime
    payload: bytes = field(repr=False)


def retrieve_event(client: StripeClient, event_id: str) -> ListedEvent | None:
    """Return an event, or None when Stripe knows none of this id, or no longer.

    Raises:
        UnavailableError: Stripe did not answer.
    """
    with _named_errors():
        try:
            event = client.v1.events.retrieve(event_id)
        except stripe.InvalidRequestError as error:
            if error.code == "resource_missing":
                return None
            raise
        return _listed(_raw(event))


def next_page(
    client: StripeClient,
    *,
    from_at: dt.datetime,
    to_at: dt.datetime,
    after: str | None = None,
) -> list[ListedEvent]:
    """Return the up to 100 events that follow `after` in the range, oldest first.

    `after` is the id of an event of Stripe's; without it the range's oldest come first. Stripe's
    list knows whole seconds: the one that `from_at` lies in belongs to the range, and so does the
    one that `to_at` lies in, unless that is where it begins.

    Raises:
        UnavailableError: Stripe did not answer.
    """
    created: EventListParamsCreated = {"gte": _seconds(from_at), "lt": math.ceil(to_at.timestamp())}
    with _named_errors():
        after = after or _newest_before(client, from_at)
        if after is None:
            return _oldest(client, created)
        # "Before" in a list whose newest come first: the events that came next.
        return _page(client, {"created": created, "ending_before": after})[::-1]


def failed_deliveries(client: StripeClient, *, from_at: dt.datetime) -> Iterator[list[ListedEvent]]:
    """Yield, page by page, the events since `from_at` that no webhook has brought to us yet.

    Raises:
        UnavailableError: Stripe did not answer.
    """
    wanted: Any = {"created": {"gte": _seconds(from_at)}, "delivery_success": False}
    with _named_errors():
        while page := _page(client, wanted):
            yield page
            wanted["starting_after"] = page[-1].event_id


def _newest_before(client: StripeClient, moment: dt.datetime) -> str | None:
    page = _page(client, {"created": {"lt": _seconds(moment)}, "limit": 1})
    return page[0].event_id if page else None


def _oldest(client: StripeClient, created: EventListParamsCreated) -> list[ListedEvent]:
    """Return the oldest events of a range by paging down to them: the list has no other end."""
    wanted: Any = {"created": created}
    last: list[ListedEvent] = []
    while page := _page(client, wanted):
        last = [*last, *page][-PAGE:]
        wanted["starting_after"] = page[-1].event_id
    return last[::-1]


def _page(client: StripeClient, wanted: EventListParams) -> list[ListedEvent]:
    page = client.v1.events.list({"limit": PAGE, **wanted})
    return [_listed(event) for event in _raw(page)["data"]]


def _raw(answer: Any) -> Any:
    """Return an answer as it came, without the SDK's own types."""
    return json.loads(answer.last_response.body)


def _listed(event: Any) -> ListedEvent:
    return ListedEvent(
        event_id=event["id"],
        type=event["type"],
        occurred_at=dt.datetime.fromtimestamp(event["created"], tz=dt.UTC),
        payload=json.dumps(event).encode(),
    )


def _seconds(moment: dt.datetime) -> int:
    return int(moment.timestamp())


@contextmanager
def _named_errors() -> Iterator[None]:
    """Turn the SDK's errors into one of ours: whatever it was, asking later is right."""
    try:
        yield
    except stripe.StripeError as error:
        codes = " ".join(str(part) for part in (error.http_status, error.code) if part)
        raise UnavailableError(
            f"Stripe did not list its events: {codes or 'no answer'} ({type(error).__name__})."
        ) from error
