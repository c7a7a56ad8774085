-- migrate:up

-- The rows that were there before the check.
ALTER TABLE outbox VALIDATE CONSTRAINT outbox_subject_is_id_and_version;

-- migrate:down

-- What is known to be true stays so.
SELECT 1;
