-- migrate:up transaction:false

-- What waits or was given up is looked for among all that was ever sent.
CREATE INDEX CONCURRENTLY outbox_unsent ON outbox (clinic_id, created_at, id) WHERE status <> 'sent';

-- migrate:down transaction:false

DROP INDEX CONCURRENTLY outbox_unsent;
