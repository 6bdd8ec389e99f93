"""Who is calling: every use case takes a `Caller` and decides by it what may be seen and done."""

import dataclasses
import datetime as dt
from enum import StrEnum


class Role(StrEnum):
    """What a caller is to the platform; web/policies.py says what each role may do."""

    SERVICE = "service"
    BUYER = "buyer"
    SELLER = "seller"
    SUPPORT = "support"
    FINANCE = "finance"
    OPERATOR = "operator"
    ADMIN = "admin"


STAFF_ROLES = frozenset({Role.SUPPORT, Role.FINANCE, Role.OPERATOR, Role.ADMIN})
PERSON_ROLES = frozenset({Role.BUYER, Role.SELLER})
KEY_ROLES = frozenset({Role.SERVICE}) | STAFF_ROLES


@dataclasses.dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated caller.

    `principal` scopes references: `party:<party id>` for a person, `key:<lineage>` for an API
    key, which rotation keeps. `party_id` is set for buyers and sellers only. `scopes` narrow an
    API key to named actions; an empty set means all that the role allows.

    `person` is who stands behind it, which is what acts of two people compare and record: of a
    token or a session the principal, of an API key its owner, however many keys the owner has.
    `authenticated_at` and `factors` say when and how a person last proved who they are; they are
    of a token and the sessions that come from it (OpenID Connect Core, `auth_time` and `amr`).
    """

    principal: str
    role: Role
    party_id: str | None = None
    scopes: frozenset[str] = frozenset()
    person: str = ""
    authenticated_at: dt.datetime | None = None
    factors: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """Take the principal as the person unless somebody else is named."""
        if not self.person:
            object.__setattr__(self, "person", self.principal)

    @property
    def is_person(self) -> bool:
        """Whether the caller is a buyer or seller, who sees only their own."""
        return self.role in PERSON_ROLES

    @property
    def sees_everyone(self) -> bool:
        """Whether the caller may see what belongs to any party: the backend and the staff."""
        return not self.is_person

    def may_see(self, *party_ids: str) -> bool:
        """Whether something that belongs to `party_ids` is the caller's to see."""
        return self.sees_everyone or self.party_id in party_ids
