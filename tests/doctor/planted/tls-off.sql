-- A server that listens to other machines without TLS.
--
-- since = 10
-- settings = ["listen_addresses = '*'"]
-- checks = ["tls-off"]
-- expect = ["warning tls-off"]
SELECT 1;
