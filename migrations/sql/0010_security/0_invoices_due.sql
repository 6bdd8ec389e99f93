-- What is to be issued, one row an order and job: written with the payment or refund, deleted once
-- it is issued. So a sweep reads what is due and nothing of what ever was, and an order that cannot
-- be issued is tried again later and later. `asked` tells whether it was asked for again meanwhile.
CREATE TABLE strongroom.documents_due (
  job text NOT NULL CHECK (job IN ('issue_invoice', 'issue_credit_note')),
  order_id text NOT NULL REFERENCES strongroom.orders,
  due_at timestamptz NOT NULL,
  attempts int NOT NULL DEFAULT 0 CHECK (attempts >= 0),
  asked int NOT NULL DEFAULT 1 CHECK (asked >= 1),
  PRIMARY KEY (job, order_id)
);
CREATE INDEX documents_due_next ON strongroom.documents_due (job, attempts, due_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON strongroom.documents_due TO strongroom_app;

-- What the sweeps of before would still have found.
INSERT INTO strongroom.documents_due (job, order_id, due_at)
SELECT 'issue_invoice', o.id, now() FROM strongroom.orders o
 WHERE o.status = 'paid' AND o.updated_at > now() - interval '14 days'
   AND NOT EXISTS (SELECT FROM strongroom.invoices i
                    WHERE i.order_id = o.id AND i.corrects IS NULL);
INSERT INTO strongroom.documents_due (job, order_id, due_at)
SELECT DISTINCT 'issue_credit_note', p.order_id, now()
  FROM strongroom.refunds r JOIN strongroom.payments p ON p.id = r.payment_id
 WHERE r.booked IN ('refunded', 'returned') AND r.updated_at > now() - interval '14 days'
   AND r.receipt_id IS NULL
   AND NOT EXISTS (SELECT FROM strongroom.invoices i
                    WHERE i.refund_id = r.id
                      AND i.kind = CASE r.booked WHEN 'refunded' THEN 'credit_note'
                                                 ELSE 'invoice' END);
DROP INDEX strongroom.orders_paid_lately;
DROP INDEX strongroom.refunds_booked_lately;
