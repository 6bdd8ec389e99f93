-- What the console's page of a payment looks up by the thing it is about.

-- Notices of before have none: they are pruned within days.
ALTER TABLE strongroom.notices ADD COLUMN subject_id text;
CREATE INDEX notices_of_subject ON strongroom.notices (subject_id);
CREATE INDEX outbox_of_request ON strongroom.outbox (request_id) WHERE request_id IS NOT NULL;
