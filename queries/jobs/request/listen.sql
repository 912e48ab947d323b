-- Subscribes this session to notifications of new requests.
LISTEN pgkit_jobs
