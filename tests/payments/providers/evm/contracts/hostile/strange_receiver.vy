# pragma version 0.4.3
# pragma evm-version shanghai
# @title A party that is a contract, and can be told to take coins badly

ACCEPTS: constant(uint256) = 0
REVERTS: constant(uint256) = 1
BURNS_GAS: constant(uint256) = 2
REVERTS_AT_LENGTH: constant(uint256) = 3
WRITES_MUCH: constant(uint256) = 4
REENTERS: constant(uint256) = 5

manner: public(uint256)
call_data: Bytes[1024]
calls_done: public(uint256)
written: public(uint256[8])


@external
@payable
def __default__():
    if self.manner == REVERTS:
        raise "no coins, please"
    elif self.manner == BURNS_GAS:
        for i: uint256 in range(max_value(uint256)):
            assert i != max_value(uint256) - 1
    elif self.manner == REVERTS_AT_LENGTH:
        filler: uint256[128] = empty(uint256[128])
        raw_revert(abi_encode(filler))
    elif self.manner == WRITES_MUCH:
        for i: uint256 in range(8):
            self.written[i] += 1
    elif self.manner == REENTERS:
        if raw_call(msg.sender, self.call_data, revert_on_failure=False):
            self.calls_done += 1


@external
def behave(manner: uint256, call_data: Bytes[1024]):
    self.manner = manner
    self.call_data = call_data


@external
@payable
def execute(to: address, data: Bytes[1024]):
    raw_call(to, data, value=msg.value)
