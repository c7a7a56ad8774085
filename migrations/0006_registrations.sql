-- migrate:up

-- Requests of people who want to become patients, each decided once by an administrator.
CREATE TABLE registrations (
    clinic_id uuid NOT NULL REFERENCES clinics,
    id uuid NOT NULL,
    name text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 200),
    email text NOT NULL CHECK (char_length(email) BETWEEN 3 AND 254),
    phone text CHECK (char_length(phone) BETWEEN 1 AND 50),
    birth_date date NOT NULL,
    status text NOT NULL DEFAULT 'pending' CHECK (
        status IN ('pending', 'in_review', 'approved', 'rejected')
    ),
    -- Who reviews it, or did.
    assigned_to text,
    comments text CHECK (char_length(comments) BETWEEN 1 AND 2000),
    decided_by text,
    decided_at timestamptz,
    reason text CHECK (char_length(reason) BETWEEN 1 AND 1000),
    patient_id uuid,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (clinic_id, id),
    FOREIGN KEY (clinic_id, patient_id) REFERENCES patients (clinic_id, id),
    CONSTRAINT registration_reviewer CHECK (
        CASE status
            WHEN 'pending' THEN assigned_to IS NULL
            WHEN 'in_review' THEN assigned_to IS NOT NULL
            ELSE true
        END
    ),
    CONSTRAINT registration_decision CHECK (
        (status IN ('approved', 'rejected')) = (decided_by IS NOT NULL)
        AND (decided_by IS NOT NULL) = (decided_at IS NOT NULL)
    ),
    CONSTRAINT registration_patient_if_approved CHECK (
        (status = 'approved') = (patient_id IS NOT NULL)
    ),
    CONSTRAINT registration_reason_if_rejected CHECK (
        (status = 'rejected') = (reason IS NOT NULL)
    )
);

CREATE INDEX registrations_by_age ON registrations (clinic_id, created_at, id);

CREATE UNIQUE INDEX registration_one_pending_per_email ON registrations (clinic_id, lower(email))
WHERE status IN ('pending', 'in_review');

GRANT SELECT, INSERT, UPDATE ON registrations TO holdfast_service;

-- migrate:down

DROP TABLE registrations;
