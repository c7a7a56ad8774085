-- migrate:up

-- One row per change, written in the transaction that makes the change and never touched again:
-- the audit trail, and who changed what last.
CREATE TABLE journal (
    clinic_id uuid NOT NULL,
    object_type text NOT NULL,
    object_id uuid NOT NULL,
    version bigint NOT NULL,
    id uuid NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor text NOT NULL,
    action text NOT NULL,
    request_id text NOT NULL,
    detail jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT journal_one_per_version PRIMARY KEY (clinic_id, object_type, object_id, version)
);

-- Messages to send, queued by the change that they tell of. What a message says is in the journal
-- row that its subject, '<object id>:<version>', names.
CREATE TABLE outbox (
    clinic_id uuid NOT NULL,
    kind text NOT NULL,
    subject text NOT NULL,
    id uuid NOT NULL,
    recipient text,
    status text NOT NULL DEFAULT 'queued' CHECK (status IN ('queued', 'sent', 'failed')),
    attempts integer NOT NULL DEFAULT 0,
    last_error text,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    sent_at timestamptz,
    CONSTRAINT outbox_once PRIMARY KEY (clinic_id, kind, subject),
    CONSTRAINT outbox_recipient_known CHECK (recipient IS NOT NULL OR status = 'failed')
);

-- One row per writing transaction, inserted first: whether a COMMIT whose answer was lost took
-- effect is settled by looking for its marker.
CREATE TABLE markers (
    clinic_id uuid NOT NULL,
    id uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (clinic_id, id)
);

GRANT SELECT, INSERT ON journal TO holdfast_service;
GRANT SELECT, INSERT, UPDATE ON outbox TO holdfast_service;
GRANT SELECT, INSERT, UPDATE, DELETE ON markers TO holdfast_service;

-- migrate:down

DROP TABLE markers;
DROP TABLE outbox;
DROP TABLE journal;
