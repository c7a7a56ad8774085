-- migrate:up

-- A batch may book every slot of a page in one transaction, whose old rows nobody can clear away before
-- it ends: only where the page has room for all of them once more does each update stay on it (HOT).
-- Pages that are there already keep what room they have; VACUUM FULL, pg_repack or time gives them more.
ALTER TABLE slots SET (fillfactor = 50);

-- migrate:down

ALTER TABLE slots SET (fillfactor = 70);
