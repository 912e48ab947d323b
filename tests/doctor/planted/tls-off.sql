-- A server that accepts connections from other machines without TLS is a warning.
--
-- since = 10
-- settings = ["listen_addresses = '*'"]
-- checks = ["tls-off"]
-- expect = ["warning tls-off"]
SELECT 1;
