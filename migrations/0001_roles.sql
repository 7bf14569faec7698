-- Three roles that cannot log in: the owner of the schema, the service, and a reader. A login is made a member of one of them.

DO $$
DECLARE
    role_name text;
BEGIN
    FOREACH role_name IN ARRAY ARRAY['vedtak_owner', 'vedtak_service', 'vedtak_reader'] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS', role_name);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            -- Roles belong to the cluster: another database in it has made them already.
            NULL;
        END;
    END LOOP;
    -- The login that migrates must be able to act as the owner, or it could not give the schema away.
    IF NOT pg_has_role(current_user, 'vedtak_owner', 'MEMBER') THEN
        EXECUTE format('GRANT vedtak_owner TO %I', current_user);
    END IF;
END
$$;

CREATE SCHEMA vedtak AUTHORIZATION vedtak_owner;
GRANT USAGE ON SCHEMA vedtak TO vedtak_service, vedtak_reader;

-- Readiness asks whether the schema is the one that the binary was built for.
GRANT SELECT ON _sqlx_migrations TO vedtak_service, vedtak_reader;
