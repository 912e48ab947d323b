-- Receives the notifications that requests have been made.
LISTEN pgkit_jobs
