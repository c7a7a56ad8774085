-- migrate:up transaction:false

-- A courier looks for what is due.
CREATE INDEX CONCURRENTLY outbox_due ON outbox (clinic_id, due_at) WHERE status = 'queued';

-- migrate:down transaction:false

DROP INDEX CONCURRENTLY outbox_due;
