"""Issued documents and their files are read with a new key after a rotation, byte for byte."""

from payments.database import connect_engine, transaction
from payments.invoices.pro_forma import make_pro_forma, read_pro_forma
from payments.invoices.read_invoice import read_file, read_invoice
from payments.invoices.render_invoice import Press
from payments.privacy.encryption import FieldCipher, rotated_keyset_json
from payments.rotate_encryption import rotate_encryption
from tests.payments.invoices.desk import Desk, line
from tests.payments.invoices.stamp import Stamp
from tests.payments.shop import CIPHER, KEYSET, NOW


def test_documents_are_the_same_under_a_new_key(fresh_database_url: str) -> None:
    engine = connect_engine(fresh_database_url)
    desk = Desk(engine)
    order, unpaid = desk.sold(), desk.order([line(10_000)])
    invoice_id = desk.issue(order) or ""
    desk.render(invoice_id, Stamp("\N{EURO SIGN}"))
    press = Press(Stamp(), CIPHER, lambda: NOW)
    assert make_pro_forma(engine, press, order_id=unpaid.id, pay_url=None)
    before = desk.issued(order)

    keyset = rotated_keyset_json(KEYSET)
    new = FieldCipher(keyset)
    assert rotate_encryption(engine, cipher=new, batch_size=1).left == 0
    for row in before:
        for kind in row.files:
            field = {"invoice_id": row.id, "format_name": kind}
            with transaction(engine) as session:
                assert read_file(session, **field, cipher=new)
    with transaction(engine) as session:
        assert read_invoice(session, order_id=order.id, cipher=new) == before
        pdf = read_pro_forma(session, order_id=unpaid.id, now=NOW, cipher=new)
    assert (pdf or b"").startswith(b"%PDF-1.4 Pro forma")
    engine.dispose()
