-- migrate:up

CREATE TABLE time_off (
    clinic_id uuid NOT NULL,
    id uuid NOT NULL,
    practitioner_id uuid NOT NULL,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    reason text CHECK (char_length(reason) BETWEEN 1 AND 500),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (clinic_id, id),
    FOREIGN KEY (clinic_id, practitioner_id) REFERENCES practitioners (clinic_id, id),
    CONSTRAINT time_off_ends_after_start CHECK (starts_at < ends_at)
);

CREATE INDEX time_off_by_start ON time_off (clinic_id, starts_at, id);

CREATE INDEX time_off_of_practitioner ON time_off (clinic_id, practitioner_id, ends_at);

GRANT SELECT, INSERT, DELETE ON time_off TO holdfast_service;

-- Which time off has blocked a slot: its end unblocks those slots and no others. NULL on a slot that
-- an administrator has blocked by hand.
ALTER TABLE slots ADD COLUMN time_off_id uuid;
-- New in every row, so there is nothing to validate.
ALTER TABLE slots ADD CONSTRAINT slot_in_time_off_is_blocked CHECK (
    time_off_id IS NULL OR blocked
) NOT VALID;

-- migrate:down

-- squawk-ignore ban-drop-constraint
ALTER TABLE slots DROP CONSTRAINT slot_in_time_off_is_blocked;
-- squawk-ignore ban-drop-column
ALTER TABLE slots DROP COLUMN time_off_id;
DROP TABLE time_off;
