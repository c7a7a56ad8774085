-- migrate:up

-- The rows that were there before the checks.
ALTER TABLE outbox VALIDATE CONSTRAINT outbox_sent_when_sent;
ALTER TABLE outbox VALIDATE CONSTRAINT outbox_subject_is_version;

-- migrate:down

-- What is known to be true stays so.
SELECT 1;
