"""The environment of a process under test: real PostgreSQL and Valkey, made-up secrets."""

import json

from sqlalchemy import Engine, NullPool, create_engine

from payments.privacy.encryption import new_keyset_json
from payments.settings import Settings, read_settings

WEBHOOK_SECRET = "whsec_sandbox_for_tests"
KEYSET = new_keyset_json()


def make_environment(*, database_url: str, redis_url: str) -> dict[str, str]:
    return {
        "STRONGROOM_ENV": "sandbox",
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "STRIPE_SECRET_KEY": "sk_test_sandbox_for_tests",
        "STRIPE_PUBLISHABLE_KEY": "pk_test_sandbox_for_tests",
        "STRIPE_WEBHOOK_SECRETS": WEBHOOK_SECRET,
        "STRIPE_API_URL": "http://127.0.0.1:9",
        "TRUSTED_ORIGINS": "http://localhost:8001",
        "JWT_JWKS": json.dumps({"keys": []}),
        "JWT_ISSUER": "https://sandbox.invalid",
        "ENCRYPTION_KEYSET": KEYSET,
        "API_KEY_PEPPER": "sandbox_pepper_for_tests",
    }


def make_settings(*, database_url: str, redis_url: str) -> Settings:
    return read_settings(make_environment(database_url=database_url, redis_url=redis_url))


def owner_of(engine: Engine) -> Engine:
    """Return a way to a job's database for the shop around it, which a worker may not write."""
    return create_engine(engine.url, poolclass=NullPool)
