-- A collation whose version has changed is critical if an index sorts by it.
--
-- since = 10
-- checks = ["collation-version-changed"]
-- expect = ["critical collation-version-changed odd \"s.Old \" one"]
-- text = ["was version 1.2.3", "out of order: 2, 1 of them unique"]
CREATE SCHEMA "odd ""s";
CREATE COLLATION "odd ""s"."Old "" one" FROM "en-x-icu";
-- A changed collation that no index uses, and one that has not changed, are not reported.
CREATE COLLATION unused FROM "de-x-icu";
CREATE COLLATION same FROM "fr-x-icu";
CREATE TABLE t (a text COLLATE "odd ""s"."Old "" one" PRIMARY KEY, b text COLLATE same UNIQUE, c text COLLATE "C" UNIQUE, d text COLLATE unused);
CREATE INDEX ON t ((b || c) COLLATE "odd ""s"."Old "" one", a);
UPDATE pg_collation SET collversion = '1.2.3' WHERE collname IN ('Old " one', 'unused');
-- @healthy
REINDEX TABLE t;
ALTER COLLATION "odd ""s"."Old "" one" REFRESH VERSION;
