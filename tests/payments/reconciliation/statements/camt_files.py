"""Makes camt files out of what a test is about; everything else is as a bank would write it."""

from decimal import Decimal

IBAN = "DE89370400440532013000"


def entry(
    amount: str,
    *,
    currency: str = "EUR",
    sign: str = "CRDT",
    status: str = "<Sts>BOOK</Sts>",
    booked: str | None = "2026-11-20",
    value: str | None = "2026-11-20",
    ref: str | None = None,
    code: str = "",
    details: str = "",
    extra: str = "",
) -> str:
    """Return an `Ntry`."""
    booked_on = f"<BookgDt><Dt>{booked}</Dt></BookgDt>" if booked else ""
    value_on = f"<ValDt><Dt>{value}</Dt></ValDt>" if value else ""
    name = f"<AcctSvcrRef>{ref}</AcctSvcrRef>" if ref else ""
    return (
        f'<Ntry><Amt Ccy="{currency}">{amount}</Amt><CdtDbtInd>{sign}</CdtDbtInd>{extra}{status}'
        f"{booked_on}{value_on}{name}<BkTxCd>{code}</BkTxCd>{details}</Ntry>\n"
    )


def details(*transactions: str, batch: str = "") -> str:
    """Return `NtryDtls` with a `TxDtls` around each of `transactions`."""
    inner = "".join(f"<TxDtls>{told}</TxDtls>" for told in transactions)
    return f"<NtryDtls>{batch}{inner}</NtryDtls>"


def quoting(end_to_end_id: str, text: str = "") -> str:
    """Return the inside of a `TxDtls` with an end-to-end id and a text."""
    remittance = f"<RmtInf><Ustrd>{text}</Ustrd></RmtInf>" if text else ""
    return f"<Refs><EndToEndId>{end_to_end_id}</EndToEndId></Refs>{remittance}"


def balance(kind: str, amount: str, *, currency: str = "EUR", date: str = "2026-11-20") -> str:
    """Return a `Bal`; a negative amount is a debit."""
    sign = "DBIT" if amount.startswith("-") else "CRDT"
    return (
        f"<Bal><Tp><CdOrPrtry><Cd>{kind}</Cd></CdOrPrtry></Tp>"
        f'<Amt Ccy="{currency}">{amount.lstrip("-")}</Amt><CdtDbtInd>{sign}</CdtDbtInd>'
        f"<Dt><Dt>{date}</Dt></Dt></Bal>"
    )


def statement(
    *entries: str,
    ref: str = "STMT-1",
    iban: str = IBAN,
    currency: str = "EUR",
    balances: str = "",
    tag: str = "Stmt",
) -> str:
    """Return a `Stmt` (or `Rpt`)."""
    return (
        f"<{tag}><Id>{ref}</Id><Acct><Id><IBAN>{iban}</IBAN></Id><Ccy>{currency}</Ccy></Acct>"
        f"{balances}{''.join(entries)}</{tag}>"
    )


def document(*statements: str, version: str = "camt.053.001.08") -> bytes:
    """Return the file."""
    outer = "BkToCstmrStmt" if version.startswith("camt.053") else "BkToCstmrAcctRpt"
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:{version}"><{outer}>\n'
        f"<GrpHdr><MsgId>M1</MsgId></GrpHdr>{''.join(statements)}</{outer}></Document>"
    ).encode()


def balanced(*amounts: str, opening: str = "100.00") -> bytes:
    """Return a file of credits of these amounts, with the balances that they lead to."""
    closing = Decimal(opening) + sum(map(Decimal, amounts))
    balances = balance("OPBD", opening) + balance("CLBD", str(closing))
    lines = [entry(amount, ref=f"REF{n}") for n, amount in enumerate(amounts)]
    return document(statement(*lines, balances=balances))
