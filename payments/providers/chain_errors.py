"""What a chain or a signer may answer instead of doing it.

`OutcomeUnknownError` (payments/providers/outcome.py) is not among them: it means that there was
no clear answer at all.
"""

from typing import Literal

from payments.errors import ConflictError, UnavailableError

RefusalCode = Literal["insufficient_funds", "gas_limit", "wrong_chain", "invalid"]


class NonceTooLowError(ConflictError):
    """A transaction with this nonce is mined: this one, another form of it, or a stranger's.

    A node says so of the very transaction it has mined, too: look for a receipt first.
    """

    code = "nonce_too_low"


class UnderpricedError(ConflictError):
    """It offers too little for the node to keep it, or to put it in another one's place."""

    code = "underpriced"


class RefusedTransactionError(ConflictError):
    """No node takes it as it is; none keeps it.

    `insufficient_funds`: the sender cannot pay for the gas now, so the same bytes may be taken
    later. Of the other codes the same bytes never are.
    """

    def __init__(self, detail: str, *, code: RefusalCode) -> None:
        super().__init__(detail, code=code)


class RevertedError(ConflictError):
    """The contract refuses the call; `reason` is its own word for why, None when it gives none."""

    code = "reverted"

    def __init__(self, reason: str | None) -> None:
        super().__init__(f"The contract refuses: {reason or 'it gives no reason'}.")
        self.reason = reason


class WrongChainError(UnavailableError):
    """What answers at a URL is another chain than the settings say; it was asked nothing else."""

    code = "wrong_chain"


class WrongContractError(UnavailableError):
    """The factory of the settings, or what its escrows run, has other code than ours."""

    code = "wrong_contract"


class SigningRefusedError(ConflictError):
    """The signer does not sign this; `code` says why in a word, the text in a sentence."""

    code = "signing_refused"


class KeystoreError(UnavailableError):
    """The keys cannot be had: no file, no keystore, or another password."""

    code = "keystore"
