-- One booking as a service sends it that talks to the database one request at a time: a transaction of five
-- statements, which write the rows that Holdfast writes for a booking. Each client books slots of its own.
\set round :round + 1
\set slot :first + :round * :clients + :client_id
\set patient :slot % :patients
BEGIN;
SELECT practitioner_id, starts_at, ends_at, capacity, booked, blocked, held_by, held_until, version
FROM slots
WHERE clinic_id = '00000000-0000-7000-8001-000000000000'
    AND id = ('00000000-0000-7000-8004-' || lpad(:slot::text, 12, '0'))::uuid
FOR UPDATE \gset
SELECT
    clock_timestamp() AS now,
    EXISTS (
        SELECT
        FROM appointments
        WHERE clinic_id = '00000000-0000-7000-8001-000000000000'
            AND patient_id = patients.id
            AND status <> 'cancelled'
            AND tstzrange(appointments.starts_at, appointments.ends_at)
                && tstzrange(:starts_at, :ends_at)
    ) AS is_busy
FROM patients
WHERE clinic_id = '00000000-0000-7000-8001-000000000000'
    AND id = ('00000000-0000-7000-8003-' || lpad(:patient::text, 12, '0'))::uuid \gset
INSERT INTO appointments (
    clinic_id, id, slot_id, seat, practitioner_id, patient_id, starts_at, ends_at
)
VALUES (
    '00000000-0000-7000-8001-000000000000',
    ('00000000-0000-7000-8005-' || lpad(:slot::text, 12, '0'))::uuid,
    ('00000000-0000-7000-8004-' || lpad(:slot::text, 12, '0'))::uuid,
    1,
    :practitioner_id,
    ('00000000-0000-7000-8003-' || lpad(:patient::text, 12, '0'))::uuid,
    :starts_at,
    :ends_at
);
UPDATE slots
SET booked = booked + 1, held_by = NULL, held_since = NULL, held_until = NULL, version = version + 1
WHERE clinic_id = '00000000-0000-7000-8001-000000000000'
    AND id = ('00000000-0000-7000-8004-' || lpad(:slot::text, 12, '0'))::uuid;
WITH marked AS (
    INSERT INTO markers (clinic_id, id, run)
    VALUES (
        '00000000-0000-7000-8001-000000000000',
        ('00000000-0000-7000-8006-' || lpad(:slot::text, 12, '0'))::uuid,
        1
    )
),
recorded AS (
    INSERT INTO journal (
        clinic_id, id, object_type, object_id, version, actor, action, request_id, detail
    )
    VALUES
    (
        '00000000-0000-7000-8001-000000000000',
        ('00000000-0000-7000-8007-' || lpad(:slot::text, 12, '0'))::uuid,
        'appointment',
        ('00000000-0000-7000-8005-' || lpad(:slot::text, 12, '0'))::uuid,
        1,
        'reception',
        'appointment.booked',
        '00000000-0000-7000-8008-' || lpad(:slot::text, 12, '0'),
        jsonb_build_object(
            'slot_id', '00000000-0000-7000-8004-' || lpad(:slot::text, 12, '0'),
            'practitioner_id', :practitioner_id::text,
            'patient_id', '00000000-0000-7000-8003-' || lpad(:patient::text, 12, '0'),
            'starts_at', :starts_at::timestamptz,
            'ends_at', :ends_at::timestamptz
        )
    ),
    (
        '00000000-0000-7000-8001-000000000000',
        ('00000000-0000-7000-8009-' || lpad(:slot::text, 12, '0'))::uuid,
        'slot',
        ('00000000-0000-7000-8004-' || lpad(:slot::text, 12, '0'))::uuid,
        :version::bigint + 1,
        'reception',
        'slot.booked',
        '00000000-0000-7000-8008-' || lpad(:slot::text, 12, '0'),
        jsonb_build_object(
            'appointment_id', '00000000-0000-7000-8005-' || lpad(:slot::text, 12, '0')
        )
    )
)
INSERT INTO outbox (clinic_id, kind, subject, id, recipient, status)
SELECT
    clinic_id,
    'appointment.booked',
    '00000000-0000-7000-8005-' || lpad(:slot::text, 12, '0') || ':1',
    ('00000000-0000-7000-800a-' || lpad(:slot::text, 12, '0'))::uuid,
    email,
    CASE WHEN email IS NULL THEN 'failed' ELSE 'queued' END
FROM patients
WHERE clinic_id = '00000000-0000-7000-8001-000000000000'
    AND id = ('00000000-0000-7000-8003-' || lpad(:patient::text, 12, '0'))::uuid;
COMMIT;
