-- migrate:up

-- An answer that is given again has the ETag that it had.
ALTER TABLE idempotency_keys ADD COLUMN etag text;

-- migrate:down

-- squawk-ignore ban-drop-column
ALTER TABLE idempotency_keys DROP COLUMN etag;
