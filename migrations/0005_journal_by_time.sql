-- migrate:up transaction:false

-- The audit trail reads a clinic's journal by time.
CREATE INDEX CONCURRENTLY journal_by_time ON journal (clinic_id, at, id);

-- migrate:down transaction:false

DROP INDEX CONCURRENTLY journal_by_time;
