-- What the console's page of a payment looks up by the thing it is about.

-- Notices of before have none: they are pruned within days.
ALTER TABLE strongroom.notices ADD COLUMN subject_id text;
CREATE INDEX notices_of_subject ON strongroom.notices (subject_id);
CREATE INDEX outbox_of_request ON strongroom.outbox (request_id) WHERE request_id IS NOT NULL;

-- What the pages of a payment and of an order look up, and what is asked every half minute: were
-- more released of a payment than came in.
CREATE INDEX releases_payment ON strongroom.releases (payment_id, id);
CREATE INDEX seller_payouts_order ON strongroom.seller_payouts (order_id, id);
CREATE INDEX escrows_order ON strongroom.escrows (order_id, id);
