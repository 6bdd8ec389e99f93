"""What the web's tests use, for tests of the requirements in docs/security.md."""

from tests.web.conftest import app, client, key_of, make_app, make_party, settings, token_of

__all__ = ["app", "client", "key_of", "make_app", "make_party", "settings", "token_of"]
