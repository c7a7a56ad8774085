-- migrate:up

CREATE TABLE prescriptions (
    clinic_id uuid NOT NULL,
    id uuid NOT NULL,
    patient_id uuid NOT NULL,
    drug text NOT NULL CHECK (char_length(drug) BETWEEN 1 AND 200),
    dosage text NOT NULL CHECK (char_length(dosage) BETWEEN 1 AND 200),
    issued_on date NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (clinic_id, id),
    FOREIGN KEY (clinic_id, patient_id) REFERENCES patients (clinic_id, id)
);

CREATE INDEX prescriptions_of_patient ON prescriptions (clinic_id, patient_id, created_at, id);

CREATE TABLE insurances (
    clinic_id uuid NOT NULL,
    id uuid NOT NULL,
    patient_id uuid NOT NULL,
    insurer text NOT NULL CHECK (char_length(insurer) BETWEEN 1 AND 200),
    policy_number text NOT NULL CHECK (char_length(policy_number) BETWEEN 1 AND 100),
    valid_to date,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (clinic_id, id),
    FOREIGN KEY (clinic_id, patient_id) REFERENCES patients (clinic_id, id)
);

CREATE INDEX insurances_of_patient ON insurances (clinic_id, patient_id, created_at, id);

-- Every new lock of a target has a higher number than those before it: it is drawn while the target
-- is out of anybody else's reach.
CREATE SEQUENCE offline_lock_fencing;

-- A lock over one or more targets, held by a person across many requests.
CREATE TABLE offline_locks (
    clinic_id uuid NOT NULL REFERENCES clinics,
    token uuid NOT NULL,
    fencing_token bigint NOT NULL,
    holder text NOT NULL,
    -- Where the holder is told of its loss.
    holder_email text,
    reason text NOT NULL CHECK (char_length(reason) BETWEEN 1 AND 500),
    is_reentrant boolean NOT NULL,
    on_expiry text NOT NULL CHECK (on_expiry IN ('release', 'keep', 'notify')),
    ttl interval NOT NULL CHECK (ttl BETWEEN interval '1 second' AND interval '1 day'),
    depth integer NOT NULL DEFAULT 1 CHECK (depth >= 1),
    since timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    PRIMARY KEY (clinic_id, token)
);

CREATE INDEX offline_locks_by_expiry ON offline_locks (clinic_id, expires_at);

CREATE TABLE offline_lock_targets (
    clinic_id uuid NOT NULL,
    object_type text NOT NULL,
    object_id uuid NOT NULL,
    token uuid NOT NULL,
    CONSTRAINT offline_lock_one_per_target PRIMARY KEY (clinic_id, object_type, object_id),
    FOREIGN KEY (clinic_id, token) REFERENCES offline_locks (clinic_id, token) ON DELETE CASCADE
);

CREATE INDEX offline_lock_targets_of_lock ON offline_lock_targets (clinic_id, token);

-- Whether the transaction has named a live lock on a patient's record, as its holder; that lock then
-- stays as it is until the transaction ends.
CREATE FUNCTION record_is_locked(clinic uuid, patient uuid) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM
    FROM offline_lock_targets AS target
    JOIN offline_locks AS lock USING (clinic_id, token)
    WHERE target.clinic_id = clinic
        AND target.object_type = 'patient'
        AND target.object_id = patient
        AND lock.token = nullif(current_setting('holdfast.lock_token', true), '')::uuid
        AND lock.holder = current_setting('holdfast.lock_holder', true)
        -- All rows of a statement are asked at one time, however long it waits for one of them.
        AND lock.expires_at > statement_timestamp()
    FOR SHARE OF lock;
    RETURN FOUND;
END
$$;

-- The service writes to a record under its lock or not at all, whatever its statements say.
ALTER TABLE patients ENABLE ROW LEVEL SECURITY;
CREATE POLICY patient_read ON patients FOR SELECT USING (true);
CREATE POLICY patient_made ON patients FOR INSERT WITH CHECK (true);
CREATE POLICY patient_written_under_lock ON patients FOR UPDATE
USING (record_is_locked(clinic_id, id));

ALTER TABLE prescriptions ENABLE ROW LEVEL SECURITY;
CREATE POLICY prescription_read ON prescriptions FOR SELECT USING (true);
CREATE POLICY prescription_written_under_lock ON prescriptions
USING (record_is_locked(clinic_id, patient_id));

ALTER TABLE insurances ENABLE ROW LEVEL SECURITY;
CREATE POLICY insurance_read ON insurances FOR SELECT USING (true);
CREATE POLICY insurance_written_under_lock ON insurances
USING (record_is_locked(clinic_id, patient_id));

GRANT SELECT, INSERT, UPDATE, DELETE
ON prescriptions, insurances, offline_locks, offline_lock_targets TO holdfast_service;
GRANT USAGE ON SEQUENCE offline_lock_fencing TO holdfast_service;

-- migrate:down

DROP POLICY patient_written_under_lock ON patients;
DROP POLICY patient_made ON patients;
DROP POLICY patient_read ON patients;
ALTER TABLE patients DISABLE ROW LEVEL SECURITY;
DROP TABLE insurances;
DROP TABLE prescriptions;
DROP FUNCTION record_is_locked;
DROP TABLE offline_lock_targets;
DROP TABLE offline_locks;
DROP SEQUENCE offline_lock_fencing;
