"""Invoices and credit notes: issued once, frozen, numbered without a gap, and who may see them."""
