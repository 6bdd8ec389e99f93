"""Credit notes: one a refund of what was invoiced, and together never more than the invoice."""

from payments.lifecycle.write_changes import ISSUE_CREDIT_NOTE
from tests.payments.invoices.desk import Desk, due, line, staged


def test_a_refund_has_its_credit_note_due_and_the_job_woken(desk: Desk) -> None:
    order = desk.sold()
    assert order.id not in due(desk.engine, ISSUE_CREDIT_NOTE)
    desk.refund(order, 1_000)
    assert order.id in due(desk.engine, ISSUE_CREDIT_NOTE)
    assert {} in staged(desk.engine, ISSUE_CREDIT_NOTE)


def test_a_whole_refund_mirrors_the_invoice(desk: Desk) -> None:
    order = desk.sold(line(10_000), line(2_000, "7"))
    desk.issue(order)
    desk.refund(order, order.amount)
    assert len(desk.credit(order)) == 1
    assert desk.credit(order) == []
    invoice, note = desk.issued(order)
    assert (note.kind, note.corrects, note.amount) == ("credit_note", invoice.id, order.amount)
    assert note.number == f"{invoice.number[:5]}C-2026-000001"
    assert note.document.lines == invoice.document.lines
    assert note.document.taxes == invoice.document.taxes
    assert note.document.corrects is not None
    assert note.document.corrects.number == invoice.number


def test_a_free_line_is_credited_with_the_others(desk: Desk) -> None:
    order = desk.sold(line(10_000), line(0, "0"))
    desk.issue(order)
    desk.refund(order, order.amount)
    desk.credit(order)
    invoice, note = desk.issued(order)
    assert note.document.lines == invoice.document.lines
    assert note.document.taxes == invoice.document.taxes
    desk.assert_sound()


def test_refunds_in_part_are_split_over_the_rates_and_add_up(desk: Desk) -> None:
    order = desk.sold(line(10_001), line(2_003, "7"), line(777, "0"))
    desk.issue(order)
    for amount in (1, 333, 5_000):
        desk.refund(order, amount)
        assert len(desk.credit(order)) == 1
    desk.refund(order, order.amount - 5_334)
    desk.credit(order)
    invoice, *notes = desk.issued(order)
    assert sum(note.amount for note in notes) == order.amount
    assert sum(note.tax_amount for note in notes) == order.tax_amount
    for share in invoice.document.taxes:
        parts = [s for n in notes for s in n.document.taxes if s.rate == share.rate]
        assert (sum(p.net for p in parts), sum(p.tax for p in parts)) == (share.net, share.tax)
    desk.assert_sound()


def test_two_refunds_at_once_are_two_notes(desk: Desk) -> None:
    order = desk.sold()
    desk.issue(order)
    desk.refund(order, 1_000)
    desk.refund(order, 2_000)
    assert len(desk.credit(order)) == 2
    assert sorted(note.amount for note in desk.issued(order)[1:]) == [1_000, 2_000]


def test_the_refund_of_a_payment_too_many_takes_nothing_off(desk: Desk) -> None:
    order = desk.sold()
    paid = desk.payment_of(order)
    desk.payments[order.id] = desk.charge(order)
    desk.payments[order.id], second = paid, desk.payments[order.id]
    desk.issue(order)
    desk.payments[order.id] = second
    desk.refund(order, order.amount)
    assert desk.credit(order) == []
    desk.payments[order.id] = paid
    desk.refund(order, 500)
    assert len(desk.credit(order)) == 1
    assert [note.amount for note in desk.issued(order)[1:]] == [500]


def test_without_an_invoice_there_is_no_credit_note(desk: Desk) -> None:
    order = desk.sold()
    desk.refund(order, 500)
    assert desk.credit(order) == []


def test_a_refund_that_comes_back_is_invoiced_again_once(desk: Desk) -> None:
    order = desk.sold()
    desk.issue(order)
    ref = desk.refund(order, 500)
    desk.credit(order)
    desk.refund(order, 500, status="failed", ref=ref)
    assert len(desk.credit(order)) == 1
    assert desk.credit(order) == []
    _invoice, note, again = desk.issued(order)
    assert (again.kind, again.corrects, again.amount) == ("invoice", note.id, 500)
    assert again.document.taxes == note.document.taxes
    assert note.number in again.document.notes[0]
    desk.refund(order, order.amount)
    assert len(desk.credit(order)) == 1
    desk.assert_sound()


def test_what_came_back_to_an_order_paid_twice_is_not_credited_any_more(desk: Desk) -> None:
    order = desk.sold()
    first = desk.payment_of(order)
    second = desk.charge(order)
    desk.issue(order)
    desk.payments[order.id] = first
    kept = desk.refund(order, order.amount)
    assert desk.credit(order) == []  # the second payment is here
    desk.payments[order.id] = second
    came_back = desk.refund(order, order.amount)
    assert len(desk.credit(order)) == 1
    desk.refund(order, order.amount, status="failed", ref=came_back)
    assert len(desk.credit(order)) == 1
    assert desk.credit(order) == []
    _invoice, note, again = desk.issued(order)
    assert (again.kind, again.corrects, again.amount) == ("invoice", note.id, order.amount)
    desk.payments[order.id] = first
    desk.refund(order, order.amount, status="failed", ref=kept)
    assert desk.credit(order) == []  # nothing is credited any more that could be taken back
    desk.assert_sound()


def test_what_several_notes_credited_is_taken_back_over_its_rates(desk: Desk) -> None:
    order = desk.sold(line(10_000), line(3_333, "7"))
    first = desk.payment_of(order)
    second = desk.charge(order)
    desk.issue(order)
    desk.refund(order, order.amount)
    desk.payments[order.id] = second
    came_back = desk.refund(order, 700)
    desk.credit(order)
    desk.refund(order, 400)
    desk.credit(order)
    assert [note.amount for note in desk.issued(order)[1:]] == [700, 400]
    desk.refund(order, 700, status="failed", ref=came_back)
    assert len(desk.credit(order)) == 1
    again = desk.issued(order)[-1]
    assert (again.kind, again.amount, len(again.document.taxes)) == ("invoice", 700, 2)
    assert sum(share.gross for share in again.document.taxes) == 700
    assert first.order_id == second.order_id
    desk.refund(order, second.amount - 400)
    desk.credit(order)
    desk.assert_sound()


def test_a_refund_that_is_under_way_or_failed_has_none(desk: Desk) -> None:
    order = desk.sold()
    desk.issue(order)
    ref = desk.refund(order, 500, status="pending")
    assert desk.credit(order) == []
    desk.refund(order, 500, status="failed", ref=ref)
    assert desk.credit(order) == []
