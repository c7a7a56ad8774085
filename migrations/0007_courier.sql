-- migrate:up

-- When a message may be tried next. While an attempt is under way it is the end of its lease: whoever
-- finds the message due again takes it over under the next attempt's number.
ALTER TABLE outbox ADD COLUMN due_at timestamptz NOT NULL DEFAULT '-infinity';
ALTER TABLE outbox ALTER COLUMN due_at SET DEFAULT clock_timestamp();

ALTER TABLE outbox ADD CONSTRAINT outbox_sent_when_sent CHECK (
    (status = 'sent') = (sent_at IS NOT NULL)
) NOT VALID;

-- What a courier reads it as: an object's id and its version.
ALTER TABLE outbox ADD CONSTRAINT outbox_subject_is_version CHECK (
    subject ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}:[0-9]{1,18}$'
) NOT VALID;

-- migrate:down

-- squawk-ignore ban-drop-constraint
ALTER TABLE outbox DROP CONSTRAINT outbox_subject_is_version;
-- squawk-ignore ban-drop-constraint
ALTER TABLE outbox DROP CONSTRAINT outbox_sent_when_sent;
-- squawk-ignore ban-drop-column
ALTER TABLE outbox DROP COLUMN due_at;
