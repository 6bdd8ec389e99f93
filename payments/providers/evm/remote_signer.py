"""The signer as a process of its own: told which intent to sign, and nothing of what it does."""

import json
from collections.abc import Collection, Mapping
from typing import Any

from eth_utils.crypto import keccak

from payments.errors import UnavailableError
from payments.providers.chain_errors import SigningRefusedError
from payments.providers.chain_port import Fees, Signed
from payments.providers.evm.wire_values import address, hash32, unformatted
from payments.providers.exchange import Exchange, HttpAnswer, NoAnswerError

_SIZE_MAX = 1_000_000
_OK, _FORBIDDEN = 200, 403
_CODE_LENGTH_MAX, _DETAIL_LENGTH_MAX = 60, 500


class RemoteSigner:
    """The signer at a URL, as `SignerPort` describes it; threads may share one."""

    def __init__(
        self, url: str, token: str, *, connect_timeout_s: float = 3, read_timeout_s: float = 10
    ) -> None:
        """Nothing is asked yet."""
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._exchange = Exchange(
            whose="signer", connect_timeout_s=connect_timeout_s, read_timeout_s=read_timeout_s
        )

    def addresses(self) -> Collection[str]:
        """Return for whom it can sign.

        Raises:
            UnavailableError: it does not answer.
        """
        told = _told(self._send("GET", "/addresses"))
        try:
            return tuple(address(one) for one in told["addresses"])
        except (KeyError, TypeError, ValueError):
            raise UnavailableError("The signer's answer is not readable.") from None

    def sign(self, intent_id: str, *, fees: Fees) -> Signed:
        """See `SignerPort`. Asking again is harmless: it signs one form of an intent only."""
        asked = {
            "intent_id": intent_id,
            "max_fee": str(fees.max_fee),
            "priority_fee": str(fees.priority_fee),
        }
        told = _told(self._send("POST", "/sign", json.dumps(asked).encode()))
        try:
            signed = Signed(unformatted(told["raw"]), hash32(told["tx_hash"]))
        except (KeyError, TypeError, ValueError):
            raise UnavailableError("The signer's answer is not readable.") from None
        if f"0x{keccak(signed.raw).hex()}" != signed.tx_hash:
            raise UnavailableError("The signer's hash is not that of its bytes.")
        return signed

    def _send(self, method: str, path: str, body: bytes | None = None) -> HttpAnswer:
        try:
            return self._exchange.send(
                method, f"{self._url}{path}", headers=self._headers, body=body, size_max=_SIZE_MAX
            )
        except NoAnswerError as error:
            raise UnavailableError(f"The signer does not answer: {error}.") from None


def _told(answer: HttpAnswer) -> Mapping[str, Any]:
    """Return the JSON object of an answer.

    Raises:
        SigningRefusedError: the signer says no.
        UnavailableError: it says something else.
    """
    try:
        told = json.loads(answer.body)
    except (ValueError, RecursionError):
        told = None
    if answer.status == _FORBIDDEN and isinstance(told, dict):
        code = str(told.get("code") or "signing_refused")[:_CODE_LENGTH_MAX]
        detail = str(told.get("detail") or "The signer refuses.")[:_DETAIL_LENGTH_MAX]
        raise SigningRefusedError(detail, code=code)
    if answer.status != _OK or not isinstance(told, dict):
        raise UnavailableError(f"The signer answers with HTTP {answer.status}.")
    return told
