"""Mappings of some banks' CSV exports, as they were in 2026; each can be changed in part."""

from collections.abc import Mapping
from typing import Any

PRESETS: Mapping[str, Mapping[str, Any]] = {
    "generic": {
        "columns": {
            "booked_on": "date",
            "value_on": "value_date",
            "amount": "amount",
            "currency": "currency",
            "text": "text",
            "name": "name",
            "account": "account",
            "bank_ref": "bank_ref",
            "end_to_end_id": "end_to_end_id",
        },
    },
    "n26": {
        "columns": {
            "booked_on": "Booking Date",
            "value_on": "Value Date",
            "amount": "Amount (EUR)",
            "text": "Payment Reference",
            "name": "Partner Name",
            "account": "Partner Iban",
        },
    },
    # The amount is without the fee; both leave the account.
    "revolut": {
        "date_format": "YYYY-MM-DD hh:mm:ss",
        "booked_words": ["COMPLETED"],
        "charge_words": ["FEE"],
        "columns": {
            "booked_on": "Completed Date",
            "amount": "Amount",
            "fee": "Fee",
            "currency": "Currency",
            "text": "Description",
            "status": "State",
            "charge": "Type",
        },
    },
    # The export "CSV-CAMT V2" of the German savings banks.
    "sparkasse": {
        "delimiter": ";",
        "encoding": "cp1252",
        "decimal": ",",
        "thousands": ".",
        "date_format": "DD.MM.YY",
        "booked_words": ["Umsatz gebucht"],
        "columns": {
            "booked_on": "Buchungstag",
            "value_on": "Valutadatum",
            "amount": "Betrag",
            "currency": "Waehrung",
            "text": ["Buchungstext", "Verwendungszweck"],
            "name": "Beguenstigter/Zahlungspflichtiger",
            "account": "Kontonummer/IBAN",
            "end_to_end_id": "Kundenreferenz (End-to-End)",
            "batch_ref": "Sammlerreferenz",
            "own_account": "Auftragskonto",
            "status": "Info",
        },
    },
    # What the simulated bank of `make run` writes.
    "sandbox": {
        "charge_words": ["charge"],
        "columns": {
            "booked_on": "Booking date",
            "value_on": "Value date",
            "amount": "Amount",
            "currency": "Currency",
            "text": "Text",
            "name": "Name",
            "account": "Their account",
            "bank_ref": "Bank reference",
            "end_to_end_id": "End-to-end id",
            "own_account": "Account",
            "balance": "Balance",
            "charge": "Kind",
        },
    },
}
