-- migrate:up

-- Answers that are given again to whoever repeats a request under its Idempotency-Key, each committed
-- with the change that it tells of.
CREATE TABLE idempotency_keys (
    clinic_id uuid NOT NULL,
    subject text NOT NULL,
    key text NOT NULL,
    -- SHA-256 of what was asked for.
    fingerprint bytea NOT NULL,
    status integer NOT NULL,
    body text NOT NULL,
    location text,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    replays bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (clinic_id, subject, key)
);

CREATE INDEX idempotency_keys_by_age ON idempotency_keys (clinic_id, created_at);

GRANT SELECT, INSERT, UPDATE, DELETE ON idempotency_keys TO holdfast_service;

-- migrate:down

DROP TABLE idempotency_keys;
