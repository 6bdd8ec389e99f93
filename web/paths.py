"""What an id or a name in a path may look like, so that nothing else reaches a use case."""

import re
from typing import Any

from werkzeug.routing import BaseConverter

from payments.reports.mappings.packages import PACKAGES
from payments.secret_versions.kinds import Kind


class IdConverter(BaseConverter):
    """Matches our ids: `/api/payments/<id:payment_id>`; anything else is 404."""

    regex = "[a-z]{2,8}_[0-9A-Za-z]{1,64}"


class NameConverter(BaseConverter):
    """Matches names of our own choice: `/reports/<name:report>`."""

    regex = "[a-z][a-z0-9-]{0,62}"


class AccountConverter(BaseConverter):
    """Matches the path of a ledger account: `/accounts/<account:path>/statement`."""

    regex = "[a-z]{1,20}(:[A-Za-z0-9_.-]{1,100}){1,10}"
    part_isolating = True


class EntryConverter(BaseConverter):
    """Matches what an entry is called by: `jrn_…`, or its number in the journal."""

    regex = "(jrn_[0-9A-Za-z]{1,64}|[1-9][0-9]{0,17})"


class MonthConverter(BaseConverter):
    """Matches a month: `/periods/<month:month>`, as 2026-10."""

    regex = "(19[7-9][0-9]|2[0-9]{3})-(0[1-9]|1[0-2])"


class DocumentConverter(BaseConverter):
    """Matches the number of an invoice or credit note: S0001-2026-000001."""

    regex = "[A-Z0-9]{1,12}-[0-9]{4}-[0-9]{6,12}"


class PackageConverter(BaseConverter):
    """Matches an accounting package: `/mappings/<package:package>`."""

    regex = f"({'|'.join(PACKAGES)})"


class SecretKindConverter(BaseConverter):
    """Matches a kind of secret: `/secrets/<secret_kind:kind>/rotate`."""

    regex = f"({'|'.join(Kind)})"


CONVERTERS: dict[str, type[BaseConverter]] = {
    "id": IdConverter,
    "name": NameConverter,
    "account": AccountConverter,
    "entry": EntryConverter,
    "month": MonthConverter,
    "document": DocumentConverter,
    "package": PackageConverter,
    "secret_kind": SecretKindConverter,
}


def describe_converter(converter: BaseConverter) -> dict[str, Any]:
    """Return the OpenAPI schema of what a converter matches."""
    return {"type": "string", "pattern": f"^{converter.regex}$"}


def openapi_path(rule: str) -> str:
    """Return a Flask rule as OpenAPI writes it: `/api/payments/{payment_id}`."""
    return re.sub(r"<\w+:(\w+)>", r"{\1}", rule)
