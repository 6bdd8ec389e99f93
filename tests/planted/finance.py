"""Bugs of finance: numbers and credit notes, totals and reports, exports, months and documents."""

from tests.planted.bug import Bug, Edit

CONTROL = "migrations/sql/0009_finance/1_control_accounts.sql"
PERIODS = "migrations/sql/0009_finance/2_periods.sql"
ENTRIES_SQL = "migrations/sql/0009_finance/3_manual_entries.sql"
CREDIT = "payments/invoices/credit.py"
DECIDE = "payments/manual_entries/decide_entry.py"
WKHTMLTOPDF = "payments/documents/wkhtmltopdf.py"
BEANCOUNT = "payments/reports/formats/beancount_file.py"
WRITE_EXPORT = "payments/exports/write_export.py"
READ_EXPORTS = "payments/exports/read_exports.py"

_INVOICES = (
    Bug(
        "an invoice's number is read before its lock is held",
        (
            Edit(
                "payments/invoices/numbering.py",
                "       SET last_number = c.last_number + 1,\n",
                "       SET last_number = 1 + (SELECT n.last_number\n"
                "                                FROM strongroom.invoice_counters n\n"
                "                               WHERE n.series = c.series AND n.year = c.year),\n",
            ),
        ),
        ("tests/payments/invoices/test_numbering.py", "-k", "many_issuers"),
    ),
    Bug(
        "an invoice's number is taken in a transaction of its own",
        (
            Edit(
                "payments/invoices/issue_invoice.py",
                '    number = take_number(session, seller_id=order.seller_id, kind="invoice",'
                " now=now)\n",
                "    with Session(session.get_bind()) as apart, apart.begin():\n"
                '        number = take_number(apart, seller_id=order.seller_id, kind="invoice",'
                " now=now)\n",
            ),
        ),
        ("tests/payments/invoices/test_numbering.py", "-k", "killed_between"),
    ),
    Bug(
        "the tax of a refund in part is rounded for itself",
        (
            Edit(
                CREDIT,
                "    tax_after = (2 * after * invoiced.tax + invoiced.gross)"
                " // (2 * invoiced.gross)\n"
                "    tax = min(max(0, tax_after - before.tax), part)\n",
                "    tax = (2 * part * invoiced.tax + invoiced.gross) // (2 * invoiced.gross)\n",
            ),
            Edit(CREDIT, "    after = before.gross + part\n", ""),
        ),
        ("tests/payments/invoices/test_credit.py", "-k", "add_up_to_the_invoice"),
    ),
    Bug(
        "the refund of what was paid twice is credited",
        (
            Edit(
                "payments/invoices/issue_credit_note.py",
                "        amount = min(refund.amount, _gone(session, invoice) - so_far)\n",
                "        amount = min(refund.amount, invoice.amount - so_far)\n",
            ),
        ),
        ("tests/payments/invoices/test_credit_notes.py", "-k", "payment_too_many"),
    ),
    Bug(
        "whoever is signed in sees every invoice",
        (
            Edit(
                "payments/invoices/access.py",
                "        return caller.may_see(order.buyer_id, order.seller_id)\n",
                "        return caller.party_id is not None\n",
            ),
        ),
        ("tests/web/test_invoice_access.py", "-k", "every_stranger"),
    ),
    Bug(
        "a signed link opens other orders too",
        (
            Edit(
                "payments/invoices/links.py",
                "    if access is None or access.order_id != order_id:\n",
                "    if access is None:\n",
            ),
        ),
        ("tests/web/test_invoice_access.py", "-k", "one_order_only"),
    ),
    Bug(
        "pdfkit takes options from any meta tag of its own name",
        (
            Edit(
                WKHTMLTOPDF,
                "                wkhtmltopdf=self.path,"
                ' meta_tag_prefix=f"x{secrets.token_hex(8)}-"\n',
                "                wkhtmltopdf=self.path\n",
            ),
        ),
        ("tests/payments/documents/test_attacks.py", "-k", "random_prefix"),
    ),
    Bug(
        "of what people entered, only names are looked up in the fonts",
        (
            Edit(
                "payments/invoices/draw.py",
                "    missing = missing_characters(shown_text(document))\n",
                "    missing = missing_characters(document.seller.name + document.buyer.name)\n",
            ),
        ),
        ("tests/payments/invoices/test_render_invoice.py", "-k", "without_a_font"),
    ),
    Bug(
        "scripts run in the renderer",
        (Edit(WKHTMLTOPDF, '        "disable-javascript": "",\n', ""),),
        ("tests/payments/documents/test_attacks.py", "-k", "script"),
    ),
)

_REPORTS = (
    Bug(
        "what was recorded later on the day of as_of is in the totals",
        (Edit(CONTROL, "  IF day_last_at > p_as_of THEN\n", "  IF false THEN\n"),),
        ("tests/ledger/reporting/test_against_oracle.py",),
    ),
    Bug(
        "by date of recording, a report's end is all there is of as_of",
        (
            Edit(
                "ledger/reporting/chosen.py",
                '    return Chosen("e.recorded_at <= %s", (scope.as_of,))\n',
                '    if scope.axis == "recorded" and scope.last_day is not None:\n'
                "        return before_end(scope)\n"
                '    return Chosen("e.recorded_at <= %s", (scope.as_of,))\n',
            ),
        ),
        ("tests/ledger/reporting/test_against_oracle.py",),
    ),
    Bug(
        "what is being written is not waited for when as_of is fixed",
        (
            Edit(
                "ledger/reporting/moment.py",
                "        wait_while(lambda: waited_for & writers(),"
                ' "entries of that moment were being written")\n',
                "        del waited_for\n",
            ),
        ),
        ("tests/ledger/reporting/test_moment.py", "-k", "waited_for"),
    ),
    Bug(
        "totals take over entries past the watermark",
        (Edit(CONTROL, " AND id <= (SELECT settled_to FROM watermark)\n", "\n"),),
        ("tests/ledger/reporting/test_rolling_totals.py", "-k", "not_settled"),
    ),
    Bug(
        "two rollers take the same entries over into the totals",
        (
            Edit(
                CONTROL, "FROM daily_totals_cursor FOR UPDATE;  --", "FROM daily_totals_cursor;  --"
            ),
        ),
        ("tests/ledger/reporting/test_rolling_totals.py", "-k", "two_rollers"),
    ),
    Bug(
        "the place that totals have come to is kept apart from them",
        (
            Edit(CONTROL, "  UPDATE daily_totals_cursor SET totaled_to = upto;\n", ""),
            Edit(
                CONTROL,
                "REVOKE ALL ON FUNCTION ledger.utc_day,",
                "GRANT UPDATE ON ledger.daily_totals_cursor TO strongroom_app;\n"
                "REVOKE ALL ON FUNCTION ledger.utc_day,",
            ),
            Edit(
                "ledger/rolling.py",
                "        rolled += entries\n",
                "        with engine.begin() as connection:\n"
                "            connection.exec_driver_sql(\n"
                '                "UPDATE ledger.daily_totals_cursor SET totaled_to ="\n'
                '                " (SELECT max(last_entry) FROM ledger.daily_totals)"\n'
                "            )\n"
                "        rolled += entries\n",
            ),
        ),
        ("tests/ledger/reporting/test_rolling_totals.py", "-k", "broken_off"),
    ),
    Bug(
        "a figure leads to entries by the other date",
        (
            Edit(
                "payments/reports/drill_down.py",
                "    return urlencode(wanted.parameters() |",
                '    shown = {k: v for k, v in wanted.parameters().items() if k != "by"}\n'
                "    return urlencode(shown |",
            ),
        ),
        ("tests/web/test_drill_down.py", "-k", "test_trial_balance"),
    ),
    Bug(
        "a formula behind a space is no formula",
        (
            Edit(
                "payments/reports/formats/formula_safety.py",
                """(?=[\\s"']*{_SIGN})""",
                "(?={_SIGN})",
            ),
        ),
        ("tests/payments/reports/test_csv.py", "-k", "formula"),
    ),
    Bug(
        "beancount's assertions are the sums of the very lines they are to prove",
        (
            Edit(
                BEANCOUNT,
                "    for entry in entries_of(report, tally):\n",
                "    sums: dict[tuple[str, str], int] = {}\n"
                "    for entry in entries_of(report, tally):\n"
                "        for account, code, amount in entry.lines:\n"
                "            sums[account, code] = sums.get((account, code), 0) + amount\n",
            ),
            Edit(
                BEANCOUNT,
                "    for accounts in with_descendants(by_account(connection, scope)):\n"
                "        yield _assertions(accounts, closes, assets, opening=False)\n",
                "    own = (\n"
                "        AccountBalances(path, tuple(\n"
                "            r._replace(closing=r.opening + sums.get((path, r.asset), 0))"
                " for r in rows\n"
                "        ))\n"
                "        for path, rows in by_account(connection, scope)\n"
                "    )\n"
                "    for accounts in with_descendants(own):\n"
                "        yield _assertions(accounts, closes, assets, opening=False)\n",
            ),
        ),
        ("tests/payments/reports/test_outside_tools.py", "-k", "lost_on_the_way"),
    ),
    Bug(
        "an amount is a number in a workbook as long as a float can tell it apart",
        (Edit("payments/reports/formats/xlsx_file.py", "EXACT_DIGITS = 15", "EXACT_DIGITS = 17"),),
        ("tests/payments/reports/test_xlsx.py", "-k", "number_where_excel"),
    ),
    Bug(
        "an export shows the books of when a job came to it",
        (
            Edit(
                "payments/exports/request_export.py",
                '        parameters=wanted.parameters() | {"as_of": moment_text(as_of)},\n',
                "        parameters=wanted.parameters(),\n",
            ),
        ),
        ("tests/web/test_exports.py", "-k", "posted_when_it_was_asked"),
    ),
    Bug(
        "pieces of an export's older attempt are served",
        (
            Edit(
                WRITE_EXPORT,
                "    session.execute(delete(ExportPiece).where(ExportPiece.export_id =="
                " export_id))\n    export.attempt += 1\n",
                "    export.attempt += 1\n",
            ),
            Edit(
                READ_EXPORTS,
                "        key = (export.id, export.attempt, number)\n"
                "        piece = in_transaction(engine, lambda session, key=key:"
                " session.get(ExportPiece, key))",
                "        wanted = (\n"
                "            select(ExportPiece)\n"
                "            .where(ExportPiece.export_id == export.id,"
                " ExportPiece.number == number)\n"
                "            .order_by(ExportPiece.attempt)\n"
                "            .limit(1)\n"
                "        )\n"
                "        piece = in_transaction(engine, lambda session, wanted=wanted:"
                " session.scalar(wanted))",
            ),
        ),
        ("tests/payments/exports/test_write_export.py", "-k", "killed_worker"),
    ),
    Bug(
        "a worker that was thought dead goes on with its export",
        (Edit(WRITE_EXPORT, "        Export.attempt == export.attempt,\n", ""),),
        ("tests/payments/exports/test_write_export.py", "-k", "thought_dead"),
    ),
)

_MONTHS = (
    Bug(
        "a reversal asked for twice is asked for twice",
        (
            Edit(
                "payments/manual_entries/request_reversal.py",
                "    if waiting is not None or reversed_by is not None:\n",
                "    if reversed_by is not None:\n",
            ),
            Edit(
                ENTRIES_SQL,
                "CREATE UNIQUE INDEX manual_entries_one_reversal",
                "CREATE INDEX manual_entries_one_reversal",
            ),
        ),
        ("tests/payments/manual_entries/test_decide_entry.py", "-k", "reversed_once"),
    ),
    Bug(
        "who asked for an entry may approve it",
        (
            Edit(DECIDE, "        first=row.requested_by,\n", '        first="somebody:else",\n'),
            Edit(
                ENTRIES_SQL,
                "  CHECK (kind = 'auto_reversal' OR decided_by <> requested_by)\n",
                "  CHECK (true)\n",
            ),
        ),
        ("tests/payments/manual_entries/test_decide_entry.py", "-k", "one_who_asked"),
    ),
    Bug(
        "a reversal due in a month that was closed since is given up",
        (
            Edit(
                "payments/manual_entries/reverse_due.py",
                "    occurred_at = open_moment(connection, start_of(row.auto_reverse_on))\n",
                "    occurred_at = start_of(row.auto_reverse_on)\n",
            ),
        ),
        ("tests/payments/manual_entries/test_reverse_due.py", "-k", "closed_since"),
    ),
    Bug(
        "the books are closed beside whoever is posting",
        (
            Edit(
                PERIODS,
                "  LOCK TABLE entries IN SHARE ROW EXCLUSIVE MODE;"
                "  -- meets the lock of append_entries\n",
                "",
            ),
        ),
        ("tests/ledger/test_periods.py", "-k", "whoever_is_writing"),
    ),
    Bug(
        "a month is closed beside whoever asks for an entry of it",
        (
            Edit(
                "payments/periods/close_period.py",
                "    take_month_lock(session)\n    _require_open(session, question.month)\n",
                "    _require_open(session, question.month)\n",
            ),
        ),
        ("tests/concurrency/test_month_end.py", "-k", "asked_for_while"),
    ),
    Bug(
        "a month's last look at its checklist is kept, and stops nothing",
        (
            Edit(
                "payments/periods/close_period.py",
                "    _require_green(checklist)\n    row = PeriodClosing(\n",
                "    row = PeriodClosing(\n",
            ),
        ),
        ("tests/concurrency/test_month_end.py", "-k", "asked_for_while"),
    ),
    Bug(
        "a reopened month still refuses entries",
        (
            Edit(
                PERIODS,
                "        OR min(occurred_at) <= (SELECT c.closed_through"
                " FROM ledger.closed_periods c\n"
                "                                 ORDER BY c.number DESC LIMIT 1)\n",
                "        OR min(occurred_at) <= (SELECT max(c.closed_through)"
                " FROM ledger.closed_periods c)\n",
            ),
        ),
        ("tests/ledger/test_periods.py", "-k", "reopened_period"),
    ),
    Bug(
        "a closed month's reports show the books of when they were made",
        (
            Edit(
                "payments/periods/kept_reports.py",
                "    return FixedMoment(closing.as_of, closing.ledger_sequence)\n",
                "    at = dt.datetime.now(dt.UTC)\n"
                "    return FixedMoment(at, closing.ledger_sequence)\n",
            ),
        ),
        ("tests/payments/periods/test_kept_reports.py", "-k", "any_later_time"),
    ),
)

FINANCE = (*_INVOICES, *_REPORTS, *_MONTHS)
