-- Run by the postgres image as its superuser, once, in the new database: makes the logins of `vedtak migrate` and
-- `vedtak serve`. For another PostgreSQL (16 or later), give psql the two passwords in its environment:
--   psql --file=logins.sql --dbname=vedtak
\set ON_ERROR_STOP on
\getenv migrator_password VEDTAK_MIGRATOR_PASSWORD
\getenv app_password VEDTAK_APP_PASSWORD

-- No statement below may put a password in the server's log.
SET log_statement = 'none';
SET log_min_error_statement = 'panic';
SET log_min_duration_statement = -1;

BEGIN;

-- The role of the service comes with the migrations. It is made ahead of them, so that the login can be a member of it
-- from the start, and the migrations then find it there.
SELECT 'CREATE ROLE vedtak_service NOLOGIN'
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'vedtak_service') \gexec

CREATE ROLE vedtak_migrator LOGIN CREATEROLE PASSWORD :'migrator_password';
-- A role that it creates it can also act as, to hand it what the role is to own.
ALTER ROLE vedtak_migrator SET createrole_self_grant = 'set, inherit';
GRANT vedtak_service TO vedtak_migrator WITH ADMIN OPTION;
SELECT format('ALTER DATABASE %I OWNER TO vedtak_migrator', current_database()) \gexec

CREATE ROLE vedtak_app LOGIN PASSWORD :'app_password';
GRANT vedtak_service TO vedtak_app;

COMMIT;
