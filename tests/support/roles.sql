-- The roles of the catalogs of tests. Roles belong to the cluster, so another test may create them at the same time.
DO $do$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['catalog_nobody', 'catalog_reader', 'catalog "owner"'] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I LOGIN', role);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END;
    END LOOP;
END
$do$;
