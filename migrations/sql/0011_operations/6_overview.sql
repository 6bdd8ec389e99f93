-- What the overview counts every few seconds is found without looking at what is over.
CREATE INDEX payments_in_flight ON strongroom.payments (created_at)
  WHERE status IN ('created', 'requires_action', 'processing');
CREATE INDEX refunds_pending ON strongroom.refunds (created_at) WHERE status = 'pending';
CREATE INDEX seller_payouts_open ON strongroom.seller_payouts (created_at)
  WHERE status NOT IN ('paid', 'failed');
CREATE INDEX releases_posted ON strongroom.releases (posted_at) WHERE posted_at IS NOT NULL;
CREATE INDEX payouts_under_way ON strongroom.payouts (created_at)
  WHERE status IN ('pending', 'in_transit');

-- The trace that a job goes on with (W3C), where somebody traces.
ALTER TABLE strongroom.outbox ADD traceparent text CHECK (length(traceparent) <= 128);

-- A web process tells by it whether a relay is at work.
GRANT SELECT ON strongroom.periodic_jobs TO strongroom_api;
