"""What an escrow should do, told once more and in other words: whom it allows what, and when."""

from dataclasses import dataclass, field

from tests.payments.providers.evm.contracts.world import CLOSED, CREATED, DISPUTED, FUNDED

PARTIES = ("depositor", "beneficiary")


@dataclass
class Model:
    """The books of one escrow; amounts in minor units, times in seconds."""

    amount: int
    fund_by: int
    release_by: int
    arbiter_by: int
    now: int
    status: int = CREATED
    is_paused: bool = False
    deposited: int = 0
    released: int = 0
    given_back: int = 0
    stray: int = 0
    rescued: int = 0
    done: set[tuple[str, int]] = field(default_factory=set)
    parked: dict[str, int] = field(default_factory=lambda: dict.fromkeys(PARTIES, 0))
    paid: dict[str, int] = field(default_factory=lambda: dict.fromkeys(PARTIES, 0))
    cannot_receive: set[str] = field(default_factory=set)

    @property
    def remaining(self) -> int:
        """What is decided for nobody yet."""
        return self.deposited - self.released - self.given_back

    def may_deposit(self, who: str, *, exact: bool) -> bool:
        """Tell whether somebody may pay in."""
        is_time = self.status == CREATED and self.now <= self.fund_by
        return is_time and who == "depositor" and exact

    def may_release(self, who: str, number: int, amount: int) -> bool:
        """Tell whether somebody may have the beneficiary paid."""
        deciders = {
            FUNDED: ({"operator", "depositor"}, self.release_by),
            DISPUTED: ({"arbiter", "depositor"}, self.arbiter_by),
        }
        if self.is_paused or self.status not in deciders:
            return False
        people, until = deciders[self.status]
        return who in people and self.now <= until and self._may_move(who, number, amount)

    def may_refund(self, who: str, number: int, amount: int) -> bool:
        """Tell whether somebody may have the depositor paid back."""
        if self.status == FUNDED:
            may = who in {"operator", "beneficiary"}
        else:
            may = self.status == DISPUTED and (
                who == "beneficiary" or (who == "arbiter" and self.now <= self.arbiter_by)
            )
        return may and self._may_move(who, number, amount)

    def may_reclaim(self, who: str) -> bool:
        """Tell whether somebody may take all back."""
        late = {FUNDED: self.release_by, DISPUTED: self.arbiter_by}
        return who == "depositor" and self.status in late and self.now > late[self.status]

    def may_dispute(self, who: str) -> bool:
        """Tell whether somebody may call the arbiter."""
        is_party = who in {"depositor", "beneficiary", "operator"}
        return is_party and self.status == FUNDED and self.now <= self.release_by

    def may_withdraw(self, recipient: str) -> bool:
        """Tell whether what is parked for somebody can be paid out."""
        return self.parked.get(recipient, 0) > 0 and self.can_receive(recipient)

    def can_receive(self, who: str) -> bool:
        """Tell whether a payment reaches somebody."""
        return not self.cannot_receive & {who, "escrow"}

    def deposit(self) -> None:
        """Have it funded."""
        self.deposited = self.amount
        self.status = FUNDED

    def move(self, who: str, number: int | None, amount: int, *, to: str) -> None:
        """Have a part go to one of the two; what cannot be paid is parked."""
        if number is not None:
            self.done.add(self._id(who, number))
        if to == "beneficiary":
            self.released += amount
        else:
            self.given_back += amount
        book = self.paid if self.can_receive(to) else self.parked
        book[to] += amount
        if self.remaining == 0:
            self.status = CLOSED

    def withdraw(self, recipient: str) -> None:
        """Have paid out what is parked."""
        self.paid[recipient] += self.parked[recipient]
        self.parked[recipient] = 0

    def rescue(self) -> None:
        """Have the depositor get what came past the deposit."""
        self.rescued += self.stray
        self.stray = 0

    def _may_move(self, who: str, number: int, amount: int) -> bool:
        return 0 < amount <= self.remaining and self._id(who, number) not in self.done

    @staticmethod
    def _id(who: str, number: int) -> tuple[str, int]:
        return who, number
