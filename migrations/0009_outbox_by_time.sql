-- migrate:up transaction:false

-- The list of messages reads a clinic's outbox by time.
CREATE INDEX CONCURRENTLY outbox_by_time ON outbox (clinic_id, created_at, id);

-- migrate:down transaction:false

DROP INDEX CONCURRENTLY outbox_by_time;
