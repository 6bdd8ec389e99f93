"""The programs of a sandbox: the Procfile's, the simulated Stripe, bank and chain, the shop."""

import json
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import requests

from sandbox.environment import Plan
from sandbox.home import ROOT
from sandbox.keys import kept_keys
from sandbox.processes import Program

# Scripts beside the interpreter are run as its modules: their first line may name a path with
# spaces, or the folder the checkout was in before it was moved.
_MODULES = {"alembic": "alembic", "gunicorn": "gunicorn"}
_ANSWER_TIMEOUT_S = 2
_SIGNER_IS_TOLD = ("STRONGROOM_ENV", "DATABASE_URL", "CHAINS", "CHAIN_SIGNER_TOKEN", "LOG_LEVEL")


def programs(plan: Plan, settings: Mapping[str, str]) -> list[Program]:
    """Return what runs for as long as the sandbox does, in the order it comes up."""
    environment = {**plan.surroundings(), **settings}
    procfile = procfile_commands(ROOT / "Procfile")
    web = [*procfile["web"], "--bind", f"127.0.0.1:{plan.ports.web}"]
    started = [
        Program("web", web, environment, answers(f"{plan.base_url}/readyz"), plan.base_url),
        Program("worker", procfile["worker"], environment, _at_once),
        Program("urgent", procfile["urgent"], environment, _at_once),
        Program("chains", procfile["chains"], environment, _at_once),
        Program("relay", procfile["relay"], environment, _at_once),
        _shop(plan, settings),
        _pager(plan),
    ]
    if plan.starts_chain:
        started.insert(0, _chain(plan))
        started.append(_signer(plan, settings, procfile["signer"]))
    if plan.starts_bank:
        started.insert(0, _bank(plan))
    if plan.starts_stripe:
        started.insert(0, _stripe(plan))
    return started


def release(plan: Plan, settings: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
    """Return the command that migrates the database, and its environment."""
    return procfile_commands(ROOT / "Procfile")["release"], {**plan.surroundings(), **settings}


def procfile_commands(procfile: Path) -> dict[str, list[str]]:
    """Return the Procfile's commands by process name, to be run by this interpreter."""
    commands = {}
    for line in procfile.read_text(encoding="utf-8").splitlines():
        name, _colon, command = line.partition(":")
        first, *arguments = shlex.split(command)
        if first == "python":
            commands[name] = [sys.executable, *arguments]
        else:
            commands[name] = [sys.executable, "-m", _MODULES[first], *arguments]
    return commands


def answers(url: str) -> Callable[[], bool]:
    """Return a question: does this URL answer with success now?"""

    def ask() -> bool:
        with requests.Session() as session:
            session.trust_env = False  # no proxy stands between us and ourselves
            try:
                return session.get(url, timeout=_ANSWER_TIMEOUT_S).ok
            except requests.RequestException:
                return False

    return ask


def _pager(plan: Plan) -> Program:
    return Program(
        "pager",
        [sys.executable, "-m", "sandbox.pager"],
        {**plan.surroundings(), "PORT": str(plan.ports.pager)},
        answers(f"{plan.pager_url}/healthz"),
        plan.pager_url,
    )


def _stripe(plan: Plan) -> Program:
    # It knows Stripe's secrets and nothing of ours, as Stripe would.
    return Program(
        "stripe",
        [sys.executable, "-m", "sandbox.stripe"],
        {
            **plan.surroundings(),
            "PORT": str(plan.ports.stripe),
            "STRIPE_DATA": str(plan.home.stripe),
            "STRIPE_WEBHOOK_URL": f"{plan.base_url}/api/webhooks/stripe",
            "STRIPE_WEBHOOK_SECRETS": plan.secrets.stripe_webhook_secret,
            "STRIPE_SECRET_KEY": plan.secrets.stripe_secret_key,
            "STRIPE_PUBLISHABLE_KEY": plan.secrets.stripe_publishable_key,
        },
        answers(f"{plan.stripe_url}/healthz"),
        plan.stripe_url,
    )


def _bank(plan: Plan) -> Program:
    # It has the public half of our key, and knows what TrueLayer would know.
    account = plan.bank_account
    return Program(
        "bank",
        [sys.executable, "-m", "sandbox.bank"],
        {
            **plan.surroundings(),
            "PORT": str(plan.ports.bank),
            "BANK_DATA": str(plan.home.bank),
            "BANK_WEBHOOK_URL": account.webhook_url,
            "BANK_WEBHOOK_KEY": account.webhook_key,
            "TRUELAYER_CLIENT_ID": account.client_id,
            "TRUELAYER_CLIENT_SECRET": account.client_secret,
            "TRUELAYER_SIGNING_KEY_ID": account.signing_key_id,
            "TRUELAYER_SIGNING_PUBLIC_KEY": account.signing_public_key,
        },
        answers(f"{plan.bank_url}/healthz"),
        plan.bank_url,
    )


def _chain(plan: Plan) -> Program:
    return Program(
        "chain",
        [sys.executable, "-m", "sandbox.chain"],
        {
            **plan.surroundings(),
            "PORT": str(plan.ports.chain),
            "CHAIN_DATA": str(plan.home.chain),
            "CHAIN_GIFTS": json.dumps(plan.people.gifts()),
        },
        answers(f"{plan.chain_url}/healthz"),
        plan.chain_url,
    )


def _signer(plan: Plan, settings: Mapping[str, str], command: Sequence[str]) -> Program:
    # It alone has the operator's key, and reads by itself what is to be signed.
    told = {name: settings[name] for name in _SIGNER_IS_TOLD if name in settings}
    keystore = plan.people.keystore(plan.home.signer, password=plan.secrets.keystore_password)
    return Program(
        "signer",
        [*command, "--bind", f"127.0.0.1:{plan.ports.signer}"],
        {**plan.surroundings(), **told, **keystore},
        answers(f"{plan.signer_url}/healthz"),
        plan.signer_url,
    )


def _shop(plan: Plan, settings: Mapping[str, str]) -> Program:
    # It is the platform, a customer of ours: an API key and its own identity key, no database.
    environment = {
        **plan.surroundings(),
        "PORT": str(plan.ports.shop),
        "STRONGROOM_URL": plan.base_url,
        "STRONGROOM_API_KEY": kept_keys(plan.home.path)["service"],
        "SHOP_IDENTITY_KEY": plan.secrets.identity_key,
        "JWT_ISSUER": settings["JWT_ISSUER"],
    }
    accounts = settings.get("TRUELAYER_MERCHANT_ACCOUNTS")
    if accounts is not None and accounts.lstrip().startswith("{"):
        environment["BANK_CURRENCIES"] = ",".join(json.loads(accounts))
    if plan.starts_chain:
        environment["CHAIN_RPC_URL"] = plan.chain_url
        environment["SHOP_WALLET_KEY"] = plan.people.wallet("buyer").key.hex()
    if plan.starts_stripe:
        environment["STRIPE_JS_URL"] = f"{plan.stripe_url}/v3/"
    return Program(
        "shop",
        [sys.executable, "-m", "sandbox.shop"],
        environment,
        answers(f"{plan.shop_url}/healthz"),
        plan.shop_url,
    )


def _at_once() -> bool:
    return True
