-- migrate:up

-- When a message may be tried next. While an attempt is under way it is the end of its lease: whoever
-- finds the message due again takes it over under the next attempt's number.
ALTER TABLE outbox ADD COLUMN due_at timestamptz NOT NULL DEFAULT '-infinity';
ALTER TABLE outbox ALTER COLUMN due_at SET DEFAULT clock_timestamp();

-- Nothing has been sent before the courier came, so there is nothing to wait for.
-- squawk-ignore constraint-missing-not-valid
ALTER TABLE outbox ADD CONSTRAINT outbox_sent_when_sent CHECK (
    (status = 'sent') = (sent_at IS NOT NULL)
);

-- What a courier reads it as: an object's id and its version.
-- squawk-ignore constraint-missing-not-valid
ALTER TABLE outbox ADD CONSTRAINT outbox_subject_is_version CHECK (
    subject ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}:[0-9]{1,18}$'
);

-- migrate:down

-- squawk-ignore ban-drop-constraint
ALTER TABLE outbox DROP CONSTRAINT outbox_subject_is_version;
-- squawk-ignore ban-drop-constraint
ALTER TABLE outbox DROP CONSTRAINT outbox_sent_when_sent;
-- squawk-ignore ban-drop-column
ALTER TABLE outbox DROP COLUMN due_at;
