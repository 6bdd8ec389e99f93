"""Who may do what: one table from action to roles, and the marks that tie a view to it.

A view without a mark is refused at run time and found by tests/architecture. What belongs to
whom is decided in the use case, which answers "not found" for what is not the caller's.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from payments.access.caller import PERSON_ROLES, STAFF_ROLES, Caller, Role
from payments.errors import ForbiddenError

_EVERYBODY = frozenset(Role)
_ADMIN = frozenset({Role.ADMIN})

POLICIES: dict[str, frozenset[Role]] = {
    "console.read": STAFF_ROLES,
    "sessions.start": PERSON_ROLES | STAFF_ROLES,
    "sessions.end": frozenset({Role.SERVICE, Role.ADMIN}),
    "parties.create": frozenset({Role.SERVICE, Role.SUPPORT, Role.ADMIN}),
    "parties.read": _EVERYBODY,
    "parties.find": frozenset({Role.SERVICE, Role.SUPPORT, Role.ADMIN}),
    "parties.erase": _ADMIN,
    "parties.set_kyc": frozenset({Role.SERVICE, Role.SUPPORT, Role.ADMIN}),
    "orders.create": frozenset({Role.SERVICE, Role.SUPPORT, Role.ADMIN}),
    "orders.read": _EVERYBODY,
    "payments.create": frozenset({Role.SERVICE, Role.BUYER}),
    "payments.confirm": frozenset({Role.SERVICE, Role.BUYER}),
    "payments.cancel": frozenset({Role.SERVICE, Role.BUYER, Role.SUPPORT, Role.ADMIN}),
    "payments.capture": frozenset({Role.SERVICE, Role.SUPPORT, Role.ADMIN}),
    "payments.read": _EVERYBODY,
    "payments.explain": frozenset({Role.SERVICE}) | STAFF_ROLES,
    "refunds.create": frozenset({Role.SERVICE, Role.SUPPORT, Role.ADMIN}),
    "refunds.read": _EVERYBODY,
    "escrow.deploy": frozenset({Role.SERVICE, Role.BUYER}),
    "escrow.monitor": frozenset({Role.SERVICE, Role.BUYER, *STAFF_ROLES}),
    "escrow.read": _EVERYBODY,
    "escrow.refund": frozenset({Role.SERVICE, Role.SUPPORT, Role.ADMIN}),
    "escrow.dispute": frozenset({Role.SERVICE, Role.BUYER, Role.SELLER, Role.SUPPORT, Role.ADMIN}),
    "releases.create": frozenset({Role.SERVICE, Role.FINANCE, Role.ADMIN}),
    "releases.approve": frozenset({Role.FINANCE, Role.ADMIN}),
    "releases.read": _EVERYBODY,
    "payouts.read": _EVERYBODY,
    "payouts.retry": frozenset({Role.FINANCE, Role.ADMIN}),
    "destinations.propose": frozenset({Role.SERVICE, Role.SELLER, Role.BUYER, Role.SUPPORT}),
    "destinations.decide": frozenset({Role.FINANCE, Role.ADMIN}),
    "destinations.read": _EVERYBODY,
    "releases.freeze": frozenset({Role.SUPPORT, Role.FINANCE, Role.OPERATOR, Role.ADMIN}),
    "releases.unfreeze": frozenset({Role.OPERATOR, Role.ADMIN}),
    "events.read": _EVERYBODY,
    "events.test": frozenset({Role.OPERATOR, Role.ADMIN}),
    "things.search": STAFF_ROLES,
    "webhooks.read": frozenset({Role.SUPPORT, Role.OPERATOR, Role.ADMIN}),
    "webhooks.replay": frozenset({Role.OPERATOR, Role.ADMIN}),
    "webhooks.set_retry_window": frozenset({Role.OPERATOR, Role.ADMIN}),
    "pending.read": STAFF_ROLES,
    "pending.ask": frozenset({Role.SUPPORT, Role.OPERATOR, Role.ADMIN}),
    "dead_letters.read": frozenset({Role.SUPPORT, Role.OPERATOR, Role.ADMIN}),
    "dead_letters.inspect": frozenset({Role.SUPPORT, Role.OPERATOR, Role.ADMIN}),
    "dead_letters.replay": frozenset({Role.OPERATOR, Role.ADMIN}),
    "dead_letters.discard": frozenset({Role.OPERATOR, Role.ADMIN}),
    "notices.read": frozenset({Role.SERVICE, Role.SUPPORT, Role.OPERATOR, Role.ADMIN}),
    "notices.manage": frozenset({Role.SERVICE, Role.OPERATOR, Role.ADMIN}),
    "restores.read": STAFF_ROLES,
    "restores.begin": frozenset({Role.OPERATOR, Role.ADMIN}),
    "restores.manage": frozenset({Role.OPERATOR, Role.ADMIN}),
    "restores.finish": frozenset({Role.OPERATOR, Role.ADMIN}),
    "incidents.read": STAFF_ROLES,
    "incidents.manage": frozenset({Role.OPERATOR, Role.ADMIN}),
    "alerts.read": STAFF_ROLES,
    "alerts.acknowledge": STAFF_ROLES,
    "alerts.test": frozenset({Role.OPERATOR, Role.ADMIN}),
    "deadlines.extend": frozenset({Role.OPERATOR, Role.ADMIN}),
    "invoices.read": _EVERYBODY,
    "ledger.read": frozenset({Role.FINANCE, Role.ADMIN}),
    "exports.create": frozenset({Role.FINANCE, Role.ADMIN}),
    "entries.request": frozenset({Role.FINANCE, Role.OPERATOR, Role.ADMIN}),
    "entries.read": frozenset({Role.FINANCE, Role.OPERATOR, Role.ADMIN}),
    "entries.decide": frozenset({Role.FINANCE, Role.ADMIN}),
    "periods.close": frozenset({Role.FINANCE, Role.ADMIN}),
    "periods.reopen": frozenset({Role.FINANCE, Role.ADMIN}),
    "mappings.edit": frozenset({Role.FINANCE, Role.ADMIN}),
    "reconciliation.import": frozenset({Role.FINANCE, Role.ADMIN}),
    "reconciliation.run": frozenset({Role.FINANCE, Role.ADMIN}),
    "reconciliation.match": frozenset({Role.FINANCE, Role.ADMIN}),
    "reconciliation.read": frozenset({Role.FINANCE, Role.OPERATOR, Role.ADMIN}),
    "metrics.read": frozenset({Role.OPERATOR, Role.ADMIN}),
    "encryption.read": frozenset({Role.OPERATOR, Role.ADMIN}),
    "encryption.rotate": _ADMIN,
    "secrets.read": frozenset({Role.OPERATOR, Role.ADMIN}),
    "secrets.rotate": _ADMIN,
    "secrets.revoke": _ADMIN,
    "audit.read": frozenset({Role.FINANCE, Role.ADMIN}),
    "keys.create": _ADMIN,
    "keys.read": _ADMIN,
    "keys.rotate": _ADMIN,
    "keys.revoke": _ADMIN,
}

DANGEROUS = frozenset(
    {
        "releases.approve",
        "releases.unfreeze",
        "restores.begin",
        "restores.finish",
        "destinations.decide",
        "entries.decide",
        "periods.reopen",
        "keys.create",
        "keys.rotate",
        "keys.revoke",
        "sessions.end",
        "secrets.rotate",
        "secrets.revoke",
        "encryption.rotate",
        "parties.erase",
    }
)
"""What a person of the staff does only after a fresh sign-in with a second factor."""

_View = TypeVar("_View", bound=Callable[..., Any])


def allow(
    action: str, *, by_link: bool = False, by_network: bool = False
) -> Callable[[_View], _View]:
    """Mark a view with its action; only the action's roles reach it.

    `by_link`: a signed link to the order's documents stands for the caller who asked for it.
    `by_network`: so does an address in METRICS_NETWORKS, for itself.

    Raises:
        KeyError: the action is not in the table.
    """
    if action not in POLICIES:
        raise KeyError(action)

    def mark(view: _View) -> _View:
        view.action = action  # type: ignore[attr-defined] # read by `action_of`
        view.by_link = by_link  # type: ignore[attr-defined] # read by `takes_link`
        view.by_network = by_network  # type: ignore[attr-defined] # read by `takes_network`
        return view

    return mark


def public(reason: str) -> Callable[[_View], _View]:
    """Mark a view as open to anybody, saying why."""

    def mark(view: _View) -> _View:
        view.public_reason = reason  # type: ignore[attr-defined] # read by `public_reason_of`
        return view

    return mark


def action_of(view: Callable[..., Any] | None) -> str | None:
    """Return the action a view is marked with."""
    return getattr(view, "action", None)


def takes_link(view: Callable[..., Any]) -> bool:
    """Whether a signed link is enough to reach the view."""
    found: bool = getattr(view, "by_link", False)
    return found


def public_reason_of(view: Callable[..., Any] | None) -> str | None:
    """Return why a view is open to anybody; None when it is not."""
    return getattr(view, "public_reason", None)


def takes_network(view: Callable[..., Any]) -> bool:
    """Whether an address that is named in the settings is enough to reach the view."""
    found: bool = getattr(view, "by_network", False)
    return found


def is_for_staff_only(view: Callable[..., Any]) -> bool:
    """Whether nobody but staff ever reaches the view, which then need not be on other hosts."""
    action = action_of(view)
    return action is not None and POLICIES[action] <= STAFF_ROLES


def check_policy(caller: Caller, action: str | None) -> None:
    """Refuse what the caller's role, or an API key's scopes, do not cover.

    Raises:
        ForbiddenError: so it is; also for a view nobody thought about (`action` is None).
    """
    if action is None or caller.role not in POLICIES[action]:
        raise ForbiddenError(f"The role {caller.role} may not do this.")
    if caller.scopes and action not in caller.scopes:
        raise ForbiddenError(f"This API key lacks the scope {action}.", code="scope_missing")


def is_allowed(caller: Caller, action: str) -> bool:
    """Whether the caller's role and scopes cover an action: what a page offers to do."""
    try:
        check_policy(caller, action)
    except ForbiddenError:
        return False
    return True
