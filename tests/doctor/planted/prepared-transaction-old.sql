-- Prepared transactions that are only seconds old are not reported.
--
-- since = 10
-- own = true
-- settings = ["max_prepared_transactions = 5"]
-- checks = ["prepared-transaction-old"]
-- expect = []
CREATE TABLE t (a int);
BEGIN;
INSERT INTO t VALUES (1);
PREPARE TRANSACTION 'it''s "one"';
