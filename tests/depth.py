"""How far tests go that could go on for ever: `make test` goes part of the way, `make deep` all."""

import os

IS_DEEP = os.environ.get("DEEP") == "1"  # noqa: TID251 - `make deep` says so
