"""Pro formas: the invoice of an order as it would be, without a number, made when somebody asks."""

import datetime as dt

from sqlalchemy import Engine, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from payments.database import in_transaction, transaction
from payments.invoices.compose import compose
from payments.invoices.draw import draw_document
from payments.invoices.render_invoice import Press
from payments.invoices.tables import ProForma
from payments.log_lines import get_logger
from payments.orders.tables import Order
from payments.privacy.encryption import FieldCipher

KEPT_FOR = dt.timedelta(hours=1)
"""How long one is good: names and addresses on it may have changed since."""

_log = get_logger(__name__)


def is_fresh(session: Session, *, order_id: str, now: dt.datetime) -> bool:
    """Whether there is one that is younger than its order's last change, and than an hour."""
    found = (
        select(ProForma.order_id)
        .join(Order, Order.id == ProForma.order_id)
        .where(ProForma.order_id == order_id)
        .where(ProForma.made_at >= Order.updated_at, ProForma.made_at > now - KEPT_FOR)
    )
    return session.scalars(found).one_or_none() is not None


def read_pro_forma(
    session: Session, *, order_id: str, now: dt.datetime, cipher: FieldCipher
) -> bytes | None:
    """Return the PDF, if there is one that is still good."""
    if not is_fresh(session, order_id=order_id, now=now):
        return None
    row = session.get_one(ProForma, order_id)
    return cipher.decrypt_bytes(row.content_encrypted or b"", **_field(order_id))


def note_wanted(session: Session, *, order_id: str, now: dt.datetime) -> None:
    """Note that somebody wants one."""
    wanted = insert(ProForma).values(order_id=order_id, wanted_at=now)
    session.execute(
        wanted.on_conflict_do_update(index_elements=["order_id"], set_={"wanted_at": now})
    )


def make_pro_forma(engine: Engine, press: Press, *, order_id: str, pay_url: str | None) -> bool:
    """Make it and keep it in place of an older one; False when it is fresh, or the order is paid.

    `pay_url` has `{order_id}` where the order's id goes.
    """
    now = press.clock()
    with transaction(engine) as session:
        order = session.get_one(Order, order_id)
        if order.status != "open" or is_fresh(session, order_id=order_id, now=now):
            return False
        document = compose(
            session,
            order,
            kind="pro_forma",
            number=None,
            issued_on=now.astimezone(dt.UTC).date(),
            pay_url=pay_url and pay_url.replace("{order_id}", order_id),
            cipher=press.cipher,
        )
    drawn = draw_document(document, press.renderer)
    if drawn.problem is not None:
        _log.warning(drawn.problem.event, order_id=order_id, **drawn.problem.details)
    ciphertext = (
        None
        if drawn.problem is not None
        else press.cipher.encrypt_bytes(drawn.files["pdf"], **_field(order_id))
    )
    in_transaction(
        engine,
        lambda session: _keep(session, order_id, ciphertext, drawn.problem_text, now=now),
    )
    return ciphertext is not None


def _keep(
    session: Session,
    order_id: str,
    ciphertext: bytes | None,
    problem: str | None,
    *,
    now: dt.datetime,
) -> None:
    """Keep what was made; one that was made of something newer stays."""
    made_at = None if ciphertext is None else now
    row = insert(ProForma).values(
        order_id=order_id,
        content_encrypted=ciphertext,
        wanted_at=now,
        made_at=made_at,
        problem=problem,
    )
    values = {"content_encrypted": ciphertext, "made_at": made_at, "problem": problem}
    older = or_(ProForma.made_at.is_(None), ProForma.made_at <= now)
    session.execute(
        row.on_conflict_do_update(index_elements=["order_id"], set_=values, where=older)
    )


def _field(order_id: str) -> dict[str, str]:
    return {"table": "pro_formas", "column": "content_encrypted", "row_id": order_id}
