# pragma version 0.4.3
# pragma evm-version shanghai
# @license Apache-2.0
# @title One order's money, held until it goes to the seller or back to the buyer
# @notice A minimal proxy of this contract is made for each escrow by `escrow_factory.vy`. Money
#         leaves it for two addresses only, both fixed when it is made: the beneficiary's
#         (release) and the depositor's (refund, reclaim, rescue). Whoever steals the operator's
#         key can pay early or pay back, and nothing else. docs/escrow.md says who is trusted
#         with what.

from ethereum.ercs import IERC20

event Deposited:
    operator: indexed(address)
    depositor: address
    amount: uint256

event Released:
    operator: indexed(address)
    operation_id: indexed(bytes32)
    by: address
    amount: uint256
    remaining: uint256

event Refunded:
    operator: indexed(address)
    operation_id: indexed(bytes32)
    by: address
    amount: uint256
    remaining: uint256

event Reclaimed:
    operator: indexed(address)
    amount: uint256

event DisputeOpened:
    operator: indexed(address)
    by: address

event Paused:
    operator: indexed(address)

event Unpaused:
    operator: indexed(address)

event Parked:
    operator: indexed(address)
    recipient: indexed(address)
    amount: uint256

event Withdrawn:
    operator: indexed(address)
    recipient: indexed(address)
    amount: uint256

event Rescued:
    operator: indexed(address)
    token: address
    amount: uint256

# Times are seconds since 1970; amounts are minor units of the token, or wei.
struct Terms:
    reference: bytes32
    depositor: address
    beneficiary: address
    operator: address
    arbiter: address
    guardian: address
    token: address  # zero: the chain's own coin
    amount: uint256
    fund_by: uint256
    release_by: uint256
    arbiter_by: uint256

CREATED: constant(uint256) = 1
FUNDED: constant(uint256) = 2
DISPUTED: constant(uint256) = 3
CLOSED: constant(uint256) = 4

# Times in milliseconds, given by mistake, would lock money up for thousands of years.
LONGEST_LIFE: constant(uint256) = 10 * 365 * 24 * 60 * 60

# What a push may use. Who needs more, or fails, takes the money with `withdraw`.
COIN_PUSH_GAS: constant(uint256) = 50_000
TOKEN_PUSH_GAS: constant(uint256) = 150_000
# What the call itself costs at most before the callee gets its gas: 2,600 for an address not yet
# touched, 9,000 for sending coins, 25,000 for an account that is new.
PUSH_COSTS: constant(uint256) = 40_000

_terms: Terms
_status: uint256
_is_paused: bool
_remaining: uint256
_total_parked: uint256
_parked: HashMap[address, uint256]
_used: HashMap[bytes32, bool]


# ---- made ------------------------------------------------------------------------------------


@deploy
def __init__():
    # The code that the proxies share is no escrow itself, and never becomes one.
    self._status = CLOSED


@external
def initialize(terms: Terms):
    """
    @notice Fix the terms. The factory does it in the transaction that makes the proxy.
    """
    assert self._status == 0, "already initialized"
    parties: address[5] = [
        terms.depositor,
        terms.beneficiary,
        terms.operator,
        terms.arbiter,
        terms.guardian,
    ]
    for i: uint256 in range(5):
        assert parties[i] != empty(address), "address missing"
        assert parties[i] != self, "address of the escrow"
        for j: uint256 in range(5):
            assert i == j or parties[i] != parties[j], "addresses must differ"
    assert terms.reference != empty(bytes32), "reference missing"
    assert terms.amount > 0, "amount missing"
    assert terms.token == empty(address) or terms.token.is_contract, "token is no contract"
    assert terms.fund_by < terms.release_by, "release_by not after fund_by"
    assert terms.release_by < terms.arbiter_by, "arbiter_by not after release_by"
    assert terms.arbiter_by <= block.timestamp + LONGEST_LIFE, "arbiter_by too far"
    self._terms = terms
    self._status = CREATED


# ---- money in --------------------------------------------------------------------------------


@external
@payable
@nonreentrant
def deposit():
    """
    @notice Pay the whole amount in: the depositor, once, until fund_by. A token must have been
            approved; one that takes a fee, or moves another amount, is refused.
    """
    assert msg.sender == self._terms.depositor, "only the depositor"
    assert self._status == CREATED, "not awaiting a deposit"
    assert block.timestamp <= self._terms.fund_by, "past fund_by"
    amount: uint256 = self._terms.amount
    token: address = self._terms.token
    self._status = FUNDED
    self._remaining = amount
    if token == empty(address):
        assert msg.value == amount, "not the exact amount"
    else:
        assert msg.value == 0, "coins sent for a token"
        before: uint256 = staticcall IERC20(token).balanceOf(self)
        # Some tokens answer nothing; what counts is what arrived.
        assert extcall IERC20(token).transferFrom(
            msg.sender, self, amount, default_return_value=True
        ), "transfer refused"
        after: uint256 = staticcall IERC20(token).balanceOf(self)
        assert after >= before and after - before == amount, "not the exact amount"
    log Deposited(operator=self._terms.operator, depositor=msg.sender, amount=amount)


# ---- money out -------------------------------------------------------------------------------


@external
@nonreentrant
def release(operation_id: bytes32, amount: uint256):
    """
    @notice Pay the beneficiary, in part or whole: the operator or the depositor until release_by;
            in a dispute the arbiter, or the depositor giving in, until arbiter_by.
    @param operation_id Each is carried out once. One that is not the operator's is logged as
           keccak256(abi_encode(sender, operation_id)).
    """
    assert not self._is_paused, "paused"
    if self._status == FUNDED:
        assert msg.sender in [self._terms.operator, self._terms.depositor], "not allowed to release"
        assert block.timestamp <= self._terms.release_by, "past release_by"
    else:
        assert self._status == DISPUTED, "not funded"
        assert msg.sender in [self._terms.arbiter, self._terms.depositor], "not allowed to release"
        assert block.timestamp <= self._terms.arbiter_by, "past arbiter_by"
    id: bytes32 = self._use(operation_id)
    self._take(amount)
    log Released(
        operator=self._terms.operator,
        operation_id=id,
        by=msg.sender,
        amount=amount,
        remaining=self._remaining,
    )
    self._pay(self._terms.beneficiary, amount)


@external
@nonreentrant
def refund(operation_id: bytes32, amount: uint256):
    """
    @notice Pay the depositor back, in part or whole: the operator or the beneficiary; in a
            dispute the arbiter until arbiter_by, or the beneficiary giving in.
    @param operation_id As for `release`, which shares them.
    """
    if self._status == FUNDED:
        assert msg.sender in [self._terms.operator, self._terms.beneficiary], "not allowed to refund"
    else:
        assert self._status == DISPUTED, "not funded"
        if msg.sender != self._terms.beneficiary:
            assert msg.sender == self._terms.arbiter, "not allowed to refund"
            assert block.timestamp <= self._terms.arbiter_by, "past arbiter_by"
    id: bytes32 = self._use(operation_id)
    self._take(amount)
    log Refunded(
        operator=self._terms.operator,
        operation_id=id,
        by=msg.sender,
        amount=amount,
        remaining=self._remaining,
    )
    self._pay(self._terms.depositor, amount)


@external
@nonreentrant
def reclaim():
    """
    @notice Take back all that remains: the depositor, when nobody decided in time.
    """
    assert msg.sender == self._terms.depositor, "only the depositor"
    if self._status == FUNDED:
        assert block.timestamp > self._terms.release_by, "not past release_by"
    else:
        assert self._status == DISPUTED, "not funded"
        assert block.timestamp > self._terms.arbiter_by, "not past arbiter_by"
    amount: uint256 = self._remaining
    self._take(amount)
    log Reclaimed(operator=self._terms.operator, amount=amount)
    self._pay(msg.sender, amount)


@external
@nonreentrant
def withdraw():
    """
    @notice Take what could not be paid out to the caller.
    """
    self._withdraw(msg.sender)


@external
@nonreentrant
def withdraw_for(recipient: address):
    """
    @notice Have paid out what could not be paid to a recipient: anybody may ask for it.
    """
    self._withdraw(recipient)


@external
@nonreentrant
def rescue(token: address):
    """
    @notice Send the depositor what came here past `deposit`: anybody may ask for it.
    @param token What to send; zero for the chain's own coin.
    """
    depositor: address = self._terms.depositor
    assert depositor != empty(address), "no escrow"
    owed: uint256 = self._remaining + self._total_parked
    amount: uint256 = self._balance_of(token)
    if token == self._terms.token:
        assert amount > owed, "nothing to rescue"
        amount -= owed
    assert amount > 0, "nothing to rescue"
    log Rescued(operator=self._terms.operator, token=token, amount=amount)
    if token == empty(address):
        raw_call(depositor, b"", value=amount)
    else:
        assert extcall IERC20(token).transfer(
            depositor, amount, default_return_value=True
        ), "transfer refused"
    # A token may have two addresses: what is owed must still be here.
    assert self._balance_of(self._terms.token) >= owed, "not to be rescued"


# ---- disputes and pause ----------------------------------------------------------------------


@external
@nonreentrant
def open_dispute():
    """
    @notice Leave it to the arbiter: the depositor, the beneficiary or the operator, until
            release_by.
    """
    assert self._status == FUNDED, "not funded"
    assert msg.sender in [
        self._terms.depositor, self._terms.beneficiary, self._terms.operator
    ], "not allowed to dispute"
    assert block.timestamp <= self._terms.release_by, "past release_by"
    self._status = DISPUTED
    log DisputeOpened(operator=self._terms.operator, by=msg.sender)


@external
@nonreentrant
def pause():
    """
    @notice Stop releases, and nothing else: the guardian.
    """
    assert msg.sender == self._terms.guardian, "only the guardian"
    assert not self._is_paused, "already paused"
    self._is_paused = True
    log Paused(operator=self._terms.operator)


@external
@nonreentrant
def unpause():
    """
    @notice Let releases go on: the guardian.
    """
    assert msg.sender == self._terms.guardian, "only the guardian"
    assert self._is_paused, "not paused"
    self._is_paused = False
    log Unpaused(operator=self._terms.operator)


# ---- views -----------------------------------------------------------------------------------


@external
@view
def terms() -> Terms:
    """
    @return What was fixed when it was made.
    """
    return self._terms


@external
@view
def status() -> uint256:
    """
    @return 0 none, 1 created, 2 funded, 3 disputed, 4 closed.
    """
    return self._status


@external
@view
def is_paused() -> bool:
    """
    @return Whether releases are stopped.
    """
    return self._is_paused


@external
@view
def remaining() -> uint256:
    """
    @return What is neither released nor paid back.
    """
    return self._remaining


@external
@view
def parked(recipient: address) -> uint256:
    """
    @return What a recipient can take with `withdraw`.
    """
    return self._parked[recipient]


@external
@view
def total_parked() -> uint256:
    """
    @return What all recipients together can take with `withdraw`.
    """
    return self._total_parked


@external
@view
def used(operation_id: bytes32) -> bool:
    """
    @return Whether an operation, by the id it is logged under, was carried out.
    """
    return self._used[operation_id]


# ---- within ----------------------------------------------------------------------------------


@internal
def _use(operation_id: bytes32) -> bytes32:
    # Others have ids of their own, so that nobody uses up the operator's by being faster.
    id: bytes32 = operation_id
    if msg.sender != self._terms.operator:
        id = keccak256(abi_encode(msg.sender, operation_id))
    assert not self._used[id], "operation already done"
    self._used[id] = True
    return id


@internal
def _take(amount: uint256):
    assert amount > 0, "amount missing"
    assert amount <= self._remaining, "more than remains"
    self._remaining -= amount
    if self._remaining == 0:
        self._status = CLOSED


@internal
def _pay(recipient: address, amount: uint256):
    # A recipient that cannot be paid must not hold up the others: it can fetch its money later.
    if not self._push(recipient, amount):
        self._parked[recipient] += amount
        self._total_parked += amount
        log Parked(operator=self._terms.operator, recipient=recipient, amount=amount)


@internal
def _push(recipient: address, amount: uint256) -> bool:
    # A call gets at most 63/64 of the gas that is left. Without these checks whoever calls could
    # make a push fail by giving too little.
    token: address = self._terms.token
    if token == empty(address):
        assert msg.gas > PUSH_COSTS + COIN_PUSH_GAS * 64 // 63, "too little gas"
        return raw_call(
            recipient, b"", value=amount, gas=COIN_PUSH_GAS, revert_on_failure=False
        )
    # Tokens answer true, false, nothing, or not what happened: the balance tells.
    before: uint256 = staticcall IERC20(token).balanceOf(self)
    assert msg.gas > PUSH_COSTS + TOKEN_PUSH_GAS * 64 // 63, "too little gas"
    is_called: bool = raw_call(
        token,
        abi_encode(recipient, amount, method_id=method_id("transfer(address,uint256)")),
        gas=TOKEN_PUSH_GAS,
        revert_on_failure=False,
    )
    after: uint256 = staticcall IERC20(token).balanceOf(self)
    if not is_called or after == before:
        return False
    assert before > after and before - after == amount, "token moved another amount"
    return True


@internal
def _withdraw(recipient: address):
    parked: uint256 = self._parked[recipient]
    assert parked > 0, "nothing parked"
    token: address = self._terms.token
    # A token whose balances shrink leaves less than is owed: what is there can still be taken.
    amount: uint256 = min(parked, self._balance_of(token))
    assert amount > 0, "nothing to pay with"
    self._parked[recipient] = parked - amount
    self._total_parked -= amount
    log Withdrawn(operator=self._terms.operator, recipient=recipient, amount=amount)
    if token == empty(address):
        raw_call(recipient, b"", value=amount)
    else:
        before: uint256 = staticcall IERC20(token).balanceOf(self)
        raw_call(
            token, abi_encode(recipient, amount, method_id=method_id("transfer(address,uint256)"))
        )
        after: uint256 = staticcall IERC20(token).balanceOf(self)
        assert before > after and before - after == amount, "transfer refused"


@internal
@view
def _balance_of(token: address) -> uint256:
    if token == empty(address):
        return self.balance
    return staticcall IERC20(token).balanceOf(self)
