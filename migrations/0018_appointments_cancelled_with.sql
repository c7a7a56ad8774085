-- migrate:up transaction:false

-- A practitioner's cancelled appointments, for calendars that have to take them out. The others are
-- found by their slots.
CREATE INDEX CONCURRENTLY appointments_cancelled_with
ON appointments (clinic_id, practitioner_id, starts_at)
WHERE status = 'cancelled';

-- migrate:down transaction:false

DROP INDEX CONCURRENTLY appointments_cancelled_with;
