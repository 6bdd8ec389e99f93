"""A seeded world of payments and what the bank says of them, with the truth of every line known.

Prices repeat, many customers pay on one day, and a percent of payments meets each kind of noise.
"""

import datetime as dt
import random
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from benchmarks.mangling import MANGLINGS, with_one_mistake
from payments.bank_reference import with_check_digits

CURRENCY = "EUR"
FIRST_DAY = dt.date(2026, 1, 1)
DAYS = 90
LATEST = 90  # days after a payment that its line may come
PRICE_POINTS = 300
NOISE = 0.01
_BASE_32 = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_TEXTS = (
    "{}",
    "Invoice {}",
    "{} THANK YOU",
    "SVWZ+{} J SMITH AND SONS",
    "ORDER {} 2026-03-04",
    "RENT CLASSROOM 12 REF {} 0099",
    "Miss O'Leary, {}",
)
_STRANGERS = (
    "GIFT FROM AUNT ROSE",
    "SALARY 03",
    "INV 2026-118 NORTH SRL",
    "REFUND 4411 TO SRV 8",
    "",
)


class Paid(NamedTuple):
    """What our books know; money out is negative. `n` names it here and in the lines' truth."""

    n: int
    kind: str
    reference: str
    provider_ref: str
    batch_ref: str | None
    amount: int
    occurred_on: dt.date


class Said(NamedTuple):
    """A line as a bank gives it, and the truth: what it is for, and of which kind of noise.

    `means` are the numbers of `Paid` with their amounts; nothing, if no machine may match the line.
    `twin_of` is a line just like it on the same day: one of the two is the duplicate, no matter
    which.
    """

    id: str
    kind: str
    amount: int
    booked_on: dt.date
    text: str
    means: tuple[tuple[int, int], ...]
    end_to_end_id: str | None = None
    batch_ref: str | None = None
    is_bank_charge: bool = False
    twin_of: str | None = None


class World(NamedTuple):
    """What was paid and what the bank says, both in no order."""

    paid: list[Paid]
    said: list[Said]


def make_world(
    *, payments: int, seed: int, noise: float = NOISE, first_day: dt.date = FIRST_DAY
) -> World:
    """Return a world of so many payments, always the same for the same seed and first day."""
    return _Maker(seed, first_day).world(payments, noise)


class _Maker:
    def __init__(self, seed: int, first_day: dt.date) -> None:
        self.random = random.Random(seed)
        self.first_day = first_day
        self.paid: list[Paid] = []
        self.said: list[Said] = []
        steps = [self.random.choice((500, 499, 250, 990)) for _ in range(PRICE_POINTS)]
        self.prices = [step * place for place, step in enumerate(steps, start=1)]
        self.weights = [1 / (1 + place) for place in range(PRICE_POINTS)]

    def world(self, payments: int, noise: float) -> World:
        kinds: dict[str, Callable[[], None]] = {
            "late": self._late,
            "split": self._split,
            "merged by references": lambda: self._merged(self.random.randint(2, 5), named=False),
            "merged by batch": lambda: self._merged(self.random.randint(2, 60), named=True),
            "duplicate": self._duplicate,
            "off by one": self._off_by_one,
            "typo": self._typo,
            "refund": self._refund,
            "no reference": self._no_reference,
            "not at the bank": lambda: self._discard(self._pay()),
            "unknown to us": self._stranger,
            "bank charge": self._charge,
        }
        kinds |= {name: partial(self._mangled, name) for name in MANGLINGS}
        until = 0.0
        for make in kinds.values():
            until += payments * noise
            while len(self.paid) < until and len(self.paid) < payments:
                make()
        while len(self.paid) < payments:
            self._clean()
        self.random.shuffle(self.paid)
        self.random.shuffle(self.said)
        return World(self.paid, self.said)

    def _clean(self) -> None:
        paid = self._pay()
        if self.random.random() < 0.25:
            self._say("clean", [paid], text="CREDIT TRANSFER", end_to_end_id=paid.provider_ref)
        else:
            self._say("clean", [paid])

    def _late(self) -> None:
        self._say("late", [self._pay()], after=self.random.randint(8, LATEST - 10))

    def _split(self) -> None:
        paid = self._pay()
        rest = paid.amount
        for _ in range(self.random.randint(1, 3)):
            share = self.random.randint(1, rest // 2)
            rest -= share
            self._say("split", [paid], amount=share)
        self._say("split", [paid], amount=rest)

    def _merged(self, count: int, *, named: bool) -> None:
        batch_ref = f"BATCH{self.random.getrandbits(40):012d}" if named else None
        day = self._day()
        paid = [self._pay(batch_ref=batch_ref, day=day) for _ in range(count)]
        if named:
            self._say("merged by batch", paid, text="PAYOUT", batch_ref=batch_ref)
        else:
            joint = self.random.choice((" ", ", ", "/", " AND "))
            text = joint.join(one.reference for one in paid)
            self._say("merged by references", paid, text=text)

    def _duplicate(self) -> None:
        paid = self._pay()
        first = self._say("duplicate, the first", [paid])
        after = self.random.randint(0, 3)
        again = first._replace(
            id=self._line_id(),
            kind="duplicate, the second",
            booked_on=first.booked_on + dt.timedelta(days=after),
            means=(),
            twin_of=None if after else first.id,
        )
        self.said.append(again)

    def _off_by_one(self) -> None:
        paid = self._pay()
        said = self._say("off by one", [paid])
        self.said[-1] = said._replace(amount=paid.amount + self.random.choice((-1, 1)), means=())

    def _typo(self) -> None:
        paid = self._pay()
        self._say("typo", [paid], quoted=with_one_mistake(paid.reference, self.random))

    def _mangled(self, name: str) -> None:
        body = self._body()
        if name == "lost zeros":
            zeros = self.random.randint(1, 2)
            body = "0" * zeros + body[zeros:]
        if name == "misread":
            at = self.random.randint(0, 9)
            body = body[:at] + self.random.choice("01") + body[at + 1 :]
        paid = self._pay(body=body)
        self._say(name, [paid], quoted=MANGLINGS[name](paid.reference, self.random))

    def _refund(self) -> None:
        """A payment and its refund: the same reference, the other direction."""
        paid = self._pay()
        self._say("clean", [paid])
        refund = paid._replace(
            n=len(self.paid),
            kind="refund",
            provider_ref=self._provider_ref(),
            amount=-self.random.randint(1, paid.amount),
            occurred_on=paid.occurred_on + dt.timedelta(days=self.random.randint(0, 20)),
        )
        self.paid.append(refund)
        self._say("refund", [refund])

    def _no_reference(self) -> None:
        """The payer quotes nothing: an amount and a date are not enough."""
        said = self._say("no reference", [self._pay()], text=self.random.choice(_STRANGERS))
        self.said[-1] = said._replace(means=())

    def _stranger(self) -> None:
        """Money we know nothing of, of a price of ours; some quote references we never gave."""
        self._discard(self._pay())
        text = self.random.choice((with_check_digits(self._body()), *_STRANGERS))
        stranger = Said(
            self._line_id(), "unknown to us", self._price(), self._day(), text, means=()
        )
        self.said.append(stranger)

    def _charge(self) -> None:
        self._clean()
        charge = Said(
            self._line_id(),
            "bank charge",
            -self.random.randint(1, 900),
            self._day(),
            "FEE",
            means=(),
            is_bank_charge=True,
        )
        self.said.append(charge)

    def _discard(self, paid: Paid) -> None:
        """Paid, as our books have it, and never on a statement."""

    def _pay(
        self,
        *,
        body: str | None = None,
        batch_ref: str | None = None,
        day: dt.date | None = None,
    ) -> Paid:
        paid = Paid(
            n=len(self.paid),
            kind="charge",
            reference=with_check_digits(body or self._body()),
            provider_ref=self._provider_ref(),
            batch_ref=batch_ref,
            amount=self._price(),
            occurred_on=day or self._day(),
        )
        self.paid.append(paid)
        return paid

    def _say(
        self,
        kind: str,
        paid: list[Paid],
        *,
        quoted: str | None = None,
        text: str | None = None,
        amount: int | None = None,
        after: int | None = None,
        end_to_end_id: str | None = None,
        batch_ref: str | None = None,
    ) -> Said:
        if text is None:
            text = self.random.choice(_TEXTS).format(quoted or paid[0].reference)
        after = self.random.randint(0, 3) if after is None else after
        said = Said(
            id=self._line_id(),
            kind=kind,
            amount=sum(one.amount for one in paid) if amount is None else amount,
            booked_on=paid[0].occurred_on + dt.timedelta(days=after),
            text=text,
            means=tuple((one.n, one.amount if amount is None else amount) for one in paid),
            end_to_end_id=end_to_end_id or self.random.choice((None, "NOTPROVIDED")),
            batch_ref=batch_ref,
        )
        self.said.append(said)
        return said

    def _price(self) -> int:
        return self.random.choices(self.prices, self.weights)[0]

    def _day(self) -> dt.date:
        return self.first_day + dt.timedelta(days=self.random.randrange(DAYS))

    def _body(self) -> str:
        return "".join(self.random.choices(_BASE_32, k=10))

    def _provider_ref(self) -> str:
        digits = f"{self.random.getrandbits(128):032x}"
        return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))

    def _line_id(self) -> str:
        return f"stl_{self.random.getrandbits(80):020X}"
