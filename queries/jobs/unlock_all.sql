-- Frees a job's lock, and whatever locks the job has left.
SELECT pg_catalog.pg_advisory_unlock_all()
