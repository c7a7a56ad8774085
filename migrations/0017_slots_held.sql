-- migrate:up transaction:false

-- A patient's holds. The booking of a slot that nobody holds changes nothing that is in here.
CREATE INDEX CONCURRENTLY slots_held ON slots (clinic_id, held_by) WHERE held_by IS NOT NULL;

-- migrate:down transaction:false

DROP INDEX CONCURRENTLY slots_held;
