# pragma version 0.4.3
# pragma evm-version shanghai
# @title A token that can be told to be strange, in each way known from real ones

ANSWERS_TRUE: constant(uint256) = 0
ANSWERS_NOTHING: constant(uint256) = 1
ANSWERS_FALSE: constant(uint256) = 2  # and moves nothing
MOVES_BUT_ANSWERS_FALSE: constant(uint256) = 3
ANSWERS_TRUE_ONLY: constant(uint256) = 4  # and moves nothing
REVERTS: constant(uint256) = 5
BURNS_GAS: constant(uint256) = 6
ANSWERS_AT_LENGTH: constant(uint256) = 7
HALF_MOVES: constant(uint256) = 8

balanceOf: public(HashMap[address, uint256])
allowance: public(HashMap[address, HashMap[address, uint256]])
is_blocked: public(HashMap[address, bool])
manner: public(uint256)
fee_percent: public(uint256)  # off what arrives
call_on_transfer: public(address)
call_data: Bytes[1024]
calls_tried: public(uint256)
calls_done: public(uint256)


@external
def mint(to: address, amount: uint256):
    self.balanceOf[to] += amount


@external
def shrink(account: address, amount: uint256):
    self.balanceOf[account] -= amount


@external
def block(account: address, is_blocked: bool):
    self.is_blocked[account] = is_blocked


@external
def behave(manner: uint256, fee_percent: uint256):
    self.manner = manner
    self.fee_percent = fee_percent


@external
def reenter(to: address, data: Bytes[1024]):
    self.call_on_transfer = to
    self.call_data = data


@external
def approve(spender: address, amount: uint256) -> bool:
    self.allowance[msg.sender][spender] = amount
    return True


@external
@raw_return
def transfer(to: address, amount: uint256) -> Bytes[128]:
    return self._move(msg.sender, to, amount)


@external
@raw_return
def transferFrom(sender: address, to: address, amount: uint256) -> Bytes[128]:
    self.allowance[sender][msg.sender] -= amount
    return self._move(sender, to, amount)


@internal
def _move(sender: address, to: address, amount: uint256) -> Bytes[128]:
    assert not (self.is_blocked[sender] or self.is_blocked[to]), "blocked"
    assert self.manner != REVERTS, "transfers are off"
    if self.manner == BURNS_GAS:
        for i: uint256 in range(max_value(uint256)):
            self.calls_tried = i
    if self.call_on_transfer != empty(address):
        self.calls_tried += 1
        if raw_call(self.call_on_transfer, self.call_data, revert_on_failure=False):
            self.calls_done += 1
    moved: uint256 = amount
    if self.manner in [ANSWERS_FALSE, ANSWERS_TRUE_ONLY]:
        moved = 0
    elif self.manner == HALF_MOVES:
        moved = amount // 2
    self.balanceOf[sender] -= moved
    self.balanceOf[to] += moved - moved * self.fee_percent // 100
    if self.manner == ANSWERS_NOTHING:
        return b""
    if self.manner == ANSWERS_AT_LENGTH:
        return abi_encode(True, max_value(uint256), max_value(uint256), max_value(uint256))
    return abi_encode(self.manner not in [ANSWERS_FALSE, MOVES_BUT_ANSWERS_FALSE])
