"""Truths about issued documents: each a query that must return no row."""

INVARIANTS: dict[str, str] = {
    "the numbers of a series have no gap in a year": """
        SELECT c.series, c.year, c.last_number, count(i.id), max(i.number)
          FROM strongroom.invoice_counters c
          LEFT JOIN strongroom.invoices i ON (i.series, i.year) = (c.series, c.year)
         GROUP BY c.series, c.year
        HAVING count(i.id) <> c.last_number OR coalesce(max(i.number), 0) <> c.last_number""",
    "a higher number is not older": """
        SELECT n.id, n.number_text, n.issued_at, n.before
          FROM (SELECT id, number_text, issued_at,
                       lag(issued_at) OVER (PARTITION BY series, year ORDER BY number) AS before
                  FROM strongroom.invoices) n
         WHERE n.issued_at < n.before""",
    "a document is in the series of its seller and kind": """
        SELECT i.id, i.series, o.seller_id, i.kind
          FROM strongroom.invoices i
          JOIN strongroom.orders o ON o.id = i.order_id
          JOIN strongroom.invoice_series s ON s.code = i.series
         WHERE (s.seller_id, s.kind) <> (o.seller_id, i.kind)""",
    "an invoice is over what its order is over": """
        SELECT i.id, i.amount, o.amount, i.tax_amount, o.tax_amount
          FROM strongroom.invoices i JOIN strongroom.orders o ON o.id = i.order_id
         WHERE i.corrects IS NULL
           AND (i.amount, i.tax_amount, i.currency) <> (o.amount, o.tax_amount, o.currency)""",
    "no more is credited than was invoiced": """
        SELECT i.order_id, sum(CASE i.kind WHEN 'invoice' THEN i.amount ELSE -i.amount END),
               sum(CASE i.kind WHEN 'invoice' THEN i.tax_amount ELSE -i.tax_amount END)
          FROM strongroom.invoices i
         GROUP BY i.order_id
        HAVING sum(CASE i.kind WHEN 'invoice' THEN i.amount ELSE -i.amount END) < 0
            OR sum(CASE i.kind WHEN 'invoice' THEN i.tax_amount ELSE -i.tax_amount END) < 0""",
    "a credit note is of a refund of its own order, and not over more": """
        SELECT i.id, i.amount, r.amount, p.order_id
          FROM strongroom.invoices i
          JOIN strongroom.refunds r ON r.id = i.refund_id
          JOIN strongroom.payments p ON p.id = r.payment_id
         WHERE p.order_id <> i.order_id OR i.amount > r.amount OR i.currency <> r.currency""",
    "a document corrects one of its own order": """
        SELECT i.id, c.id
          FROM strongroom.invoices i JOIN strongroom.invoices c ON c.id = i.corrects
         WHERE c.order_id <> i.order_id OR c.kind = i.kind""",
    "what is rendered has its PDF, and what has one is rendered": """
        SELECT coalesce(r.invoice_id, f.invoice_id), r.status
          FROM (SELECT invoice_id, status FROM strongroom.invoice_renderings
                 WHERE status = 'ready') r
          FULL JOIN (SELECT invoice_id FROM strongroom.invoice_files WHERE format = 'pdf') f
            ON f.invoice_id = r.invoice_id
         WHERE r.invoice_id IS NULL OR f.invoice_id IS NULL""",
}
