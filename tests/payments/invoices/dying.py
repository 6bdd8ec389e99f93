"""A process that issues, credits or renders and dies on the way; run by test_numbering."""

import sys
from pathlib import Path

from payments.crash_points import arm
from payments.database import connect_engine, in_transaction
from payments.invoices.issue_credit_note import issue_credit_notes
from payments.invoices.issue_invoice import issue_invoice
from payments.invoices.render_invoice import Press, render_invoice
from payments.privacy.encryption import FieldCipher
from tests.payments.invoices.stamp import Stamp
from tests.payments.shop import NOW


def main() -> None:
    """Do `what` to `subject`, with the crash that the file names and the keyset it is told."""
    database_url, crash_at, what, subject = sys.argv[1:]
    cipher = FieldCipher(sys.stdin.read())
    arm(Path(crash_at))
    engine = connect_engine(database_url)
    issuers = {"issue": issue_invoice, "credit": issue_credit_notes}
    if what in issuers:
        issue = issuers[what]
        in_transaction(
            engine, lambda session: issue(session, order_id=subject, now=NOW, cipher=cipher)
        )
    else:
        press = Press(Stamp(), cipher, lambda: NOW)
        render_invoice(engine, press, invoice_id=subject)


if __name__ == "__main__":
    main()
