# pragma version 0.4.3
# pragma evm-version shanghai
# @license Apache-2.0
# @title Makes escrows, each at an address that follows from its terms
# @notice Making the same escrow twice makes one. The address can be told before it is made, and
#         no other terms can ever be found there.

import escrow

event Created:
    operator: indexed(address)
    escrow: indexed(address)
    reference: indexed(bytes32)

# How the creation code of a minimal proxy (EIP-1167) starts and ends, as the compiler writes it.
PROXY_START: constant(Bytes[19]) = x"602d3d8160093d39f3363d3d373d3d3d363d73"
PROXY_END: constant(Bytes[15]) = x"5af43d82803e903d91602b57fd5bf3"
LOCKED: constant(uint256) = 4

implementation: public(immutable(address))
escrow_of: public(HashMap[address, HashMap[bytes32, address]])  # by operator, then reference


@deploy
def __init__(_implementation: address):
    assert _implementation.is_contract, "implementation is no contract"
    locked: uint256 = staticcall escrow.__interface__(_implementation).status()
    assert locked == LOCKED, "implementation is not locked"
    implementation = _implementation


@external
def create(terms: escrow.Terms) -> address:
    """
    @notice Make an escrow, or return the one that the operator has made with these terms.
    """
    known: address = self._known(terms)
    if known != empty(address):
        return known
    assert block.timestamp < terms.fund_by, "past fund_by"
    return self._create(terms)


@external
def create_late(terms: escrow.Terms) -> address:
    """
    @notice Make an escrow that can no longer be funded, so that what was sent to its address
            before it was there can be rescued.
    """
    known: address = self._known(terms)
    if known != empty(address):
        return known
    return self._create(terms)


@external
@view
def address_of(terms: escrow.Terms) -> address:
    """
    @return Where the escrow with these terms is, or will be.
    """
    return self._address_of(terms)


@internal
@view
def _known(terms: escrow.Terms) -> address:
    assert msg.sender == terms.operator, "only the operator"
    known: address = self.escrow_of[terms.operator][terms.reference]
    if known != empty(address):
        assert known == self._address_of(terms), "reference has other terms"
    return known


@internal
def _create(terms: escrow.Terms) -> address:
    made: address = create_minimal_proxy_to(implementation, salt=keccak256(abi_encode(terms)))
    self.escrow_of[terms.operator][terms.reference] = made
    log Created(operator=terms.operator, escrow=made, reference=terms.reference)
    extcall escrow.__interface__(made).initialize(terms)
    return made


@internal
@view
def _address_of(terms: escrow.Terms) -> address:
    code_hash: bytes32 = keccak256(
        concat(PROXY_START, convert(implementation, bytes20), PROXY_END)
    )
    digest: bytes32 = keccak256(
        concat(0xff, convert(self, bytes20), keccak256(abi_encode(terms)), code_hash)
    )
    return convert(convert(digest, uint256) & (2**160 - 1), address)
