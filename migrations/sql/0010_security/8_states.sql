-- States move along allowed edges only, whoever writes them. The lists are those of
-- payments/lifecycle/stages.py: a test compares them, pair by pair. A WHEN clause costs no call as
-- long as nothing is wrong.
CREATE FUNCTION strongroom.refuse_edge() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '%.% %: it cannot go from % to %', tg_table_schema, tg_table_name, NEW.id,
    OLD.status, NEW.status USING ERRCODE = '23514', CONSTRAINT = tg_name;
END $$;

-- Several facts may come at once: then a payment goes several edges in one update. A payment on
-- chain stands where the chain does, which may take back what it told.
CREATE TRIGGER payments_edges BEFORE UPDATE OF status ON strongroom.payments FOR EACH ROW
  WHEN (OLD.status <> NEW.status AND OLD.rail <> 'crypto'
        AND OLD.status || '>' || NEW.status <> ALL ('{
  created>requires_action, created>processing, created>failed, created>expired, created>canceled,
  created>succeeded, created>partially_refunded, created>refunded, created>disputed,
  requires_action>processing, requires_action>failed, requires_action>expired,
  requires_action>canceled, requires_action>succeeded, requires_action>partially_refunded,
  requires_action>refunded, requires_action>disputed,
  processing>requires_action, processing>failed, processing>expired, processing>canceled,
  processing>succeeded, processing>partially_refunded, processing>refunded, processing>disputed,
  failed>requires_action, failed>processing, failed>expired, failed>canceled, failed>succeeded,
  failed>partially_refunded, failed>refunded, failed>disputed,
  expired>canceled, expired>succeeded, expired>partially_refunded, expired>refunded,
  expired>disputed,
  canceled>succeeded, canceled>partially_refunded, canceled>refunded, canceled>disputed,
  succeeded>partially_refunded, succeeded>refunded, succeeded>disputed,
  partially_refunded>succeeded, partially_refunded>refunded, partially_refunded>disputed,
  refunded>succeeded, refunded>partially_refunded, refunded>disputed,
  disputed>succeeded, disputed>partially_refunded, disputed>refunded}'::text[]))
  EXECUTE FUNCTION strongroom.refuse_edge();

-- Each step of a payment's history is one edge; another attempt may end as the one before did. What
-- was written before this rule is not looked at again.
ALTER TABLE strongroom.payment_events ADD CONSTRAINT payment_events_edges CHECK (
  (from_status IS NULL AND to_status IS NOT NULL) OR cause LIKE 'chain:%'
  OR from_status || '>' || to_status = ANY ('{
  created>requires_action, created>processing, created>failed, created>expired, created>canceled,
  created>succeeded,
  requires_action>requires_action, requires_action>processing, requires_action>failed,
  requires_action>expired, requires_action>canceled, requires_action>succeeded,
  processing>requires_action, processing>processing, processing>failed, processing>expired,
  processing>canceled, processing>succeeded,
  failed>requires_action, failed>processing, failed>failed, failed>expired, failed>canceled,
  failed>succeeded,
  expired>canceled, expired>succeeded, canceled>succeeded,
  succeeded>partially_refunded, succeeded>refunded, succeeded>disputed,
  partially_refunded>succeeded, partially_refunded>refunded, partially_refunded>disputed,
  refunded>succeeded, refunded>partially_refunded, refunded>disputed,
  disputed>succeeded, disputed>partially_refunded, disputed>refunded}'::text[])) NOT VALID;
-- The first step alone may come from nowhere.
ALTER TABLE strongroom.payment_events ADD CONSTRAINT payment_events_first
  CHECK (seq = 1 OR from_status IS NOT NULL) NOT VALID;

CREATE TRIGGER refunds_edges BEFORE UPDATE OF status ON strongroom.refunds FOR EACH ROW
  WHEN (OLD.status <> NEW.status AND OLD.provider <> 'evm'
        AND OLD.status || '>' || NEW.status <> ALL ('{
  pending>succeeded, pending>canceled, pending>failed,
  succeeded>canceled, succeeded>failed}'::text[]))
  EXECUTE FUNCTION strongroom.refuse_edge();

CREATE TRIGGER disputes_edges BEFORE UPDATE OF status ON strongroom.disputes FOR EACH ROW
  WHEN (OLD.status <> NEW.status AND OLD.status || '>' || NEW.status <> ALL ('{
  warning>warning_closed, warning>open, warning>won, warning>lost,
  warning_closed>open, warning_closed>won, warning_closed>lost,
  open>won, open>lost}'::text[]))
  EXECUTE FUNCTION strongroom.refuse_edge();

-- A destination is decided once; one that was approved can be stopped, while it cools off.
CREATE TRIGGER payout_destinations_edges BEFORE UPDATE OF status ON strongroom.payout_destinations
  FOR EACH ROW WHEN (OLD.status <> NEW.status
        AND OLD.status || '>' || NEW.status <> ALL ('{
  proposed>approved, proposed>rejected, approved>rejected}'::text[]))
  EXECUTE FUNCTION strongroom.refuse_edge();

-- A canceled order stays so; a paid one is open again when a chain took its deposit back.
CREATE TRIGGER orders_edges BEFORE UPDATE OF status ON strongroom.orders FOR EACH ROW
  WHEN (OLD.status <> NEW.status AND OLD.status || '>' || NEW.status <> ALL
        ('{open>paid, open>canceled, paid>open}'::text[]))
  EXECUTE FUNCTION strongroom.refuse_edge();
