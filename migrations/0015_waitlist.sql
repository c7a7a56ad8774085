-- migrate:up

-- Patients who want an appointment for which there was no seat.
CREATE TABLE waitlist (
    clinic_id uuid NOT NULL,
    id uuid NOT NULL,
    patient_id uuid NOT NULL,
    -- NULL: any.
    practitioner_id uuid,
    -- Wanted is a slot that starts from wanted_from on and before wanted_to.
    wanted_from timestamptz NOT NULL,
    wanted_to timestamptz NOT NULL,
    status text NOT NULL DEFAULT 'waiting' CHECK (status IN ('waiting', 'promoted', 'withdrawn')),
    -- What the wish came to.
    appointment_id uuid,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (clinic_id, id),
    CONSTRAINT waitlist_of_patient FOREIGN KEY (clinic_id, patient_id)
    REFERENCES patients (clinic_id, id),
    CONSTRAINT waitlist_for_practitioner FOREIGN KEY (clinic_id, practitioner_id)
    REFERENCES practitioners (clinic_id, id),
    CONSTRAINT waitlist_ends_after_start CHECK (wanted_from < wanted_to),
    CONSTRAINT waitlist_promoted_to_something CHECK (
        CASE status
            WHEN 'waiting' THEN appointment_id IS NULL
            WHEN 'promoted' THEN appointment_id IS NOT NULL
            ELSE true
        END
    )
);

CREATE INDEX waitlist_by_age ON waitlist (clinic_id, created_at, id);

CREATE INDEX waitlist_by_patient ON waitlist (clinic_id, patient_id, created_at, id);

-- First come, first served.
CREATE INDEX waitlist_waiting ON waitlist (clinic_id, created_at, id) WHERE status = 'waiting';

GRANT SELECT, INSERT, UPDATE ON waitlist TO holdfast_service;

-- migrate:down

DROP TABLE waitlist;
