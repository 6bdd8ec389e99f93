"""What our backend does at the bank: gets a token, signs its calls, checks what it is told."""

import json
import uuid
from dataclasses import dataclass
from typing import Any

import requests
import truelayer_signing
from truelayer_signing import HttpMethod

from sandbox.bank.account import OUR_ACCOUNTS
from sandbox.bank.server import SimulatedBank

REFERENCE = "SRABCDEFGHJK12"


@dataclass(frozen=True)
class Received:
    """One delivery as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def told(self) -> dict[str, Any]:
        """What it says."""
        told: dict[str, Any] = json.loads(self.body)
        return told

    def verify(self, jwks: dict[str, Any]) -> None:
        """Check its signature with TrueLayer's library.

        Raises:
            TlSigningException: it was not signed by one of these keys.
        """
        signature = self.headers["Tl-Signature"]
        header = truelayer_signing.extract_jws_header(signature)
        (
            truelayer_signing.verify_with_jwks(jwks, header)
            .set_method(HttpMethod.POST)
            .set_path(self.path)
            .add_headers(self.headers)
            .add_required_header("X-Tl-Webhook-Timestamp")
            .set_body(self.body.decode())
            .verify(signature)
        )


class Client:
    """One caller of the bank's API, and of its knobs."""

    def __init__(self, bank: SimulatedBank, signing_key: str) -> None:
        self.url = bank.url
        self._account = bank.account
        self._signing_key = signing_key
        self._http = requests.Session()
        self._http.trust_env = False
        self.token = self.ask_token().json()["access_token"]

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def ask_token(self, **changed: str) -> requests.Response:
        """Ask for a token with our credentials, or with others."""
        form = {
            "grant_type": "client_credentials",
            "client_id": self._account.client_id,
            "client_secret": self._account.client_secret,
            "scope": "payments",
        }
        return self._http.post(f"{self.url}/connect/token", data=form | changed, timeout=10)

    def get(self, path: str, **query: str) -> requests.Response:
        """Call a GET."""
        headers = {"Authorization": f"Bearer {self.token}"}
        return self._http.get(self.url + path, params=query, headers=headers, timeout=10)

    def post(
        self,
        path: str,
        body: dict[str, Any] | None = None,
        *,
        key: str | None = None,
        signing_key: str | None = None,
        **headers: str,
    ) -> requests.Response:
        """Call a POST, signed; `headers` replace what is sent with it."""
        key = key or str(uuid.uuid4())
        raw = "" if body is None else json.dumps(body)
        signature = (
            truelayer_signing.sign_with_pem(
                self._account.signing_key_id, signing_key or self._signing_key
            )
            .set_method(HttpMethod.POST)
            .set_path(path)
            .add_header("Idempotency-Key", key)
            .set_body(raw)
            .sign()
        )
        sent = {
            "Authorization": f"Bearer {self.token}",
            "Idempotency-Key": key,
            "Tl-Signature": signature,
            "Content-Type": "application/json",
        }
        return self._http.post(self.url + path, data=raw, headers=sent | headers, timeout=10)

    def turn(self, method: str, path: str, **wanted: Any) -> dict[str, Any]:
        """Turn a knob; what it answers."""
        answer = self.try_to_turn(method, path, **wanted)
        assert answer.status_code == 200, answer.text
        if path == "clock":  # tokens do not live long
            self.token = self.ask_token().json()["access_token"]
        told: dict[str, Any] = answer.json()
        return told

    def try_to_turn(self, method: str, path: str, **wanted: Any) -> requests.Response:
        """Turn a knob that may refuse."""
        return self._http.request(
            method,
            f"{self.url}/_sandbox/{path}",
            json=wanted,
            headers={"Authorization": f"Bearer {self._account.client_secret}"},
            timeout=10,
        )

    def statement(self, form: str, **query: str) -> bytes:
        """A statement of our accounts."""
        answer = self._http.get(
            f"{self.url}/_sandbox/statements/{form}",
            params=query,
            headers={"Authorization": f"Bearer {self._account.client_secret}"},
            timeout=10,
        )
        assert answer.status_code == 200, answer.text
        return answer.content

    def jwks(self) -> dict[str, Any]:
        """The keys that webhooks may be signed with."""
        keys: dict[str, Any] = self._http.get(f"{self.url}/.well-known/jwks", timeout=10).json()
        return keys

    def create(self, **changed: Any) -> dict[str, Any]:
        """A new payment."""
        answer = self.post("/v3/payments", new_payment(**changed))
        assert answer.status_code == 201, answer.text
        created: dict[str, Any] = answer.json()
        return created

    def payment(self, payment_id: str) -> dict[str, Any]:
        """A payment as it is now."""
        found: dict[str, Any] = self.get(f"/v3/payments/{payment_id}").json()
        return found

    def push(self, payment_id: str, *steps: str) -> dict[str, Any]:
        """Take a payment some steps on."""
        for step in steps:
            self.turn("POST", f"payments/{payment_id}", to=step)
        return self.payment(payment_id)

    def settled(self, **changed: Any) -> str:
        """The id of a new payment whose money has arrived."""
        created = self.create(**changed)
        self.push(created["id"], "authorized", "settled")
        payment_id: str = created["id"]
        return payment_id

    def on_page(self, path: str, payment: dict[str, Any], **form: str) -> requests.Response:
        """What the payer's browser does on the hosted page, without following where it leads."""
        return self._http.post(
            f"{self.url}/pay/{payment['id']}/{path}",
            data={"token": payment["resource_token"], **form},
            allow_redirects=False,
            timeout=10,
        )


def new_payment(
    *, amount: int = 10150, currency: str = "EUR", reference: str = REFERENCE, **changed: Any
) -> dict[str, Any]:
    """What is sent to make a payment."""
    (ours,) = (account for account in OUR_ACCOUNTS if account.currency == currency)
    body = {
        "amount_in_minor": amount,
        "currency": currency,
        "payment_method": {
            "type": "bank_transfer",
            "provider_selection": {"type": "user_selected"},
            "beneficiary": {
                "type": "merchant_account",
                "merchant_account_id": ours.id,
                "reference": reference,
            },
        },
        "user": {"name": "Ada Payer", "email": "ada@shop.example"},
        "metadata": {"payment_id": "pay_1", "amount_in_minor": str(amount)},
    }
    return body | changed
