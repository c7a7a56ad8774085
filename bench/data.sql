-- The data of the benchmark. Ids are made of a number, so that every load generator can name a slot and a
-- patient without being handed a list: <prefix>-<number in 12 digits>.
--
-- Variables: clinics, slots, patients: how many in all; journal: whether to write one. Row n belongs to clinic n % clinics. A clinic has
-- 50 practitioners, whose slots of a quarter of an hour lie one behind the other, starting in two days; the
-- patient of slot n is n % patients, who is never asked for at two places at once.

\set QUIET on
\set ON_ERROR_STOP on
BEGIN;

INSERT INTO clinics (id, name, time_zone)
SELECT ('00000000-0000-7000-8001-' || lpad(n::text, 12, '0'))::uuid, 'Clinic ' || n, 'Europe/Berlin'
FROM generate_series(0, :clinics - 1) AS n;

INSERT INTO practitioners (clinic_id, id, name, specialty)
SELECT
    ('00000000-0000-7000-8001-' || lpad((n % :clinics)::text, 12, '0'))::uuid,
    ('00000000-0000-7000-8002-' || lpad(n::text, 12, '0'))::uuid,
    'Practitioner ' || n,
    'specialty ' || n % 10
FROM generate_series(0, 50 * :clinics - 1) AS n;

-- Their record may be written only under a lock on it; whoever owns the table need not ask.
INSERT INTO patients (clinic_id, id, name, email, birth_date)
SELECT
    ('00000000-0000-7000-8001-' || lpad((n % :clinics)::text, 12, '0'))::uuid,
    ('00000000-0000-7000-8003-' || lpad(n::text, 12, '0'))::uuid,
    'Patient ' || n,
    'patient' || n || '@example.org',
    date '1968-02-29'
FROM generate_series(0, :patients - 1) AS n;

INSERT INTO slots (clinic_id, id, practitioner_id, starts_at, ends_at)
SELECT
    ('00000000-0000-7000-8001-' || lpad((n % :clinics)::text, 12, '0'))::uuid,
    ('00000000-0000-7000-8004-' || lpad(n::text, 12, '0'))::uuid,
    ('00000000-0000-7000-8002-' || lpad((n % (50 * :clinics))::text, 12, '0'))::uuid,
    date_trunc('hour', now()) + interval '2 days' + n / (50 * :clinics) * interval '15 minutes',
    date_trunc('hour', now()) + interval '2 days' + (n / (50 * :clinics) + 1) * interval '15 minutes'
FROM generate_series(0, :slots - 1) AS n;

-- With their journal, for 'holdfast verify'; where the size is what matters, without.
\if :journal
INSERT INTO journal (clinic_id, object_type, object_id, version, id, actor, action, request_id)
SELECT clinic_id, kind, id, 1, id, 'benchmark', kind || '.created', 'benchmark'
FROM (
    SELECT id AS clinic_id, 'clinic' AS kind, id FROM clinics
    UNION ALL
    SELECT clinic_id, 'practitioner', id FROM practitioners
    UNION ALL
    SELECT clinic_id, 'patient', id FROM patients
    UNION ALL
    SELECT clinic_id, 'slot', id FROM slots
) AS made;
\endif

COMMIT;
-- The other tables are as empty, and as unknown to the planner, as those of a new installation.
VACUUM (ANALYZE, FREEZE) clinics, practitioners, patients, slots;
CHECKPOINT;
