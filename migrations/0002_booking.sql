-- migrate:up

CREATE TABLE patients (
    clinic_id uuid NOT NULL REFERENCES clinics,
    id uuid NOT NULL,
    name text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 200),
    email text CHECK (char_length(email) BETWEEN 3 AND 254),
    phone text CHECK (char_length(phone) BETWEEN 1 AND 50),
    birth_date date NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (clinic_id, id)
);

CREATE INDEX patients_by_age ON patients (clinic_id, created_at, id);

CREATE UNIQUE INDEX patient_one_per_email ON patients (clinic_id, lower(email))
WHERE email IS NOT NULL;

-- Practitioner and times are the slot's at the moment of booking: what the patient was told, and
-- what the overlap constraint needs.
CREATE TABLE appointments (
    clinic_id uuid NOT NULL,
    id uuid NOT NULL,
    slot_id uuid NOT NULL,
    seat integer NOT NULL CHECK (seat >= 1),
    practitioner_id uuid NOT NULL,
    patient_id uuid NOT NULL,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    status text NOT NULL DEFAULT 'booked' CHECK (
        status IN ('booked', 'arrived', 'fulfilled', 'noshow', 'cancelled')
    ),
    reason text CHECK (char_length(reason) <= 1000),
    -- An active appointment occupies its slot; a cancelled one only remembers it, so that the seat
    -- can be taken again and the slot deleted.
    occupied_slot_id uuid GENERATED ALWAYS AS (
        CASE WHEN status <> 'cancelled' THEN slot_id END
    ) STORED,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (clinic_id, id),
    FOREIGN KEY (clinic_id, occupied_slot_id) REFERENCES slots (clinic_id, id),
    FOREIGN KEY (clinic_id, patient_id) REFERENCES patients (clinic_id, id),
    CONSTRAINT appointment_ends_after_start CHECK (starts_at < ends_at),
    CONSTRAINT appointment_one_per_seat UNIQUE (clinic_id, occupied_slot_id, seat),
    CONSTRAINT appointment_patient_no_overlap EXCLUDE USING gist (
        clinic_id WITH =,
        patient_id WITH =,
        tstzrange(starts_at, ends_at) WITH &&
    ) WHERE (status <> 'cancelled')
);

CREATE INDEX appointments_by_time ON appointments (clinic_id, starts_at, id);

-- A patient's active appointments are found by the overlap constraint's index, the cancelled ones by
-- this one, which costs a booking nothing.
CREATE INDEX appointments_cancelled ON appointments (clinic_id, patient_id)
WHERE status = 'cancelled';

GRANT SELECT, INSERT, UPDATE ON patients, appointments TO holdfast_service;

-- migrate:down

DROP TABLE appointments;
DROP TABLE patients;
