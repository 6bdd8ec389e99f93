"""What the bank says of a world, as the files it sends: a camt.053 statement for every day."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape

from benchmarks.reconciliation_world import CURRENCY, Said, World
from payments.bank_settings import BankAccount

ACCOUNT = BankAccount(name="main", identifier="DE09500105178246135709", currency=CURRENCY)
OPENING = 1_000_000


def statements_of(world: World) -> Iterator[tuple[str, bytes]]:
    """Return name and content of each day's file, in order; each goes on where the last ended."""
    by_day: dict[dt.date, list[Said]] = defaultdict(list)
    for said in world.said:
        by_day[said.booked_on].append(said)
    balance = OPENING
    for number, day in enumerate(sorted(by_day), start=1):
        closing = balance + sum(said.amount for said in by_day[day])
        yield f"{day}.xml", _statement(number, day, by_day[day], balance, closing)
        balance = closing


def bank_ref_of(said: Said) -> str:
    """Return how the bank calls a line: it is how a line in our books is known for this one."""
    return said.id.removeprefix("stl_")


def _statement(
    number: int, day: dt.date, lines: Sequence[Said], opening: int, closing: int
) -> bytes:
    entries = "".join(_entry(said) for said in lines)
    text = f"""<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt>
<GrpHdr><MsgId>{number}</MsgId><CreDtTm>{day}T23:00:00Z</CreDtTm></GrpHdr>
<Stmt><Id>{number}</Id><CreDtTm>{day}T23:00:00Z</CreDtTm>
<FrToDt><FrDtTm>{day}T00:00:00Z</FrDtTm><ToDtTm>{day}T23:59:59Z</ToDtTm></FrToDt>
<Acct><Id><IBAN>{ACCOUNT.identifier}</IBAN></Id><Ccy>{CURRENCY}</Ccy></Acct>
{_balance("OPBD", opening, day)}{_balance("CLBD", closing, day)}
{entries}</Stmt></BkToCstmrStmt></Document>
"""
    return text.encode()


def _balance(code: str, amount: int, day: dt.date) -> str:
    return (
        f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>{_amount(amount)}"
        f"<Dt><Dt>{day}</Dt></Dt></Bal>"
    )


def _entry(said: Said) -> str:
    end_to_end_id = said.end_to_end_id or "NOTPROVIDED"
    if len(end_to_end_id) > 35:
        end_to_end_id = end_to_end_id.replace("-", "")
    batch = f"<Btch><PmtInfId>{said.batch_ref}</PmtInfId></Btch>" if said.batch_ref else ""
    family = "ACMT</Cd><Fmly><Cd>MDOP" if said.is_bank_charge else "PMNT</Cd><Fmly><Cd>RCDT"
    sub_family = "CHRG" if said.is_bank_charge else "ESCT"
    text = "".join(
        f"<Ustrd>{escape(said.text[at : at + 140])}</Ustrd>" for at in range(0, len(said.text), 140)
    )
    return (
        f"<Ntry>{_amount(said.amount)}<Sts><Cd>BOOK</Cd></Sts>"
        f"<BookgDt><Dt>{said.booked_on}</Dt></BookgDt><ValDt><Dt>{said.booked_on}</Dt></ValDt>"
        f"<AcctSvcrRef>{bank_ref_of(said)}</AcctSvcrRef>"
        f"<BkTxCd><Domn><Cd>{family}</Cd><SubFmlyCd>{sub_family}</SubFmlyCd></Fmly></Domn></BkTxCd>"
        f"<NtryDtls>{batch}<TxDtls><Refs><EndToEndId>{end_to_end_id}</EndToEndId></Refs>"
        f"<RltdPties><Dbtr><Pty><Nm>A Customer</Nm></Pty></Dbtr></RltdPties>"
        f"<RmtInf>{text}</RmtInf></TxDtls></NtryDtls></Ntry>\n"
    )


def _amount(amount: int) -> str:
    whole, cents = divmod(abs(amount), 100)
    side = "CRDT" if amount >= 0 else "DBIT"
    return f'<Amt Ccy="{CURRENCY}">{whole}.{cents:02}</Amt><CdtDbtInd>{side}</CdtDbtInd>'
