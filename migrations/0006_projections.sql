-- The projections: tables that can be thrown away and built again from the ledger, and how far each of them has come.

SET LOCAL ROLE vedtak_owner;

CREATE TABLE vedtak.projection_checkpoints (
    tenant     text COLLATE "C" NOT NULL,
    projection text   NOT NULL,
    position   bigint NOT NULL DEFAULT 0,
    -- The history that it is a reading of: the position and the root of the head when the last page was read.
    known_position bigint NOT NULL DEFAULT 0,
    known_root     bytea  NOT NULL DEFAULT sha256(''),
    -- Why it stands still, when it does.
    stopped    text,
    PRIMARY KEY (tenant, projection),
    CHECK (tenant <> '')
) WITH (fillfactor = 20);

-- One row a project: its overview as of the checkpoint, as protobuf bytes of vedtak.v1.ProjectOverview.
CREATE TABLE vedtak.project_overviews (
    tenant     text COLLATE "C" NOT NULL,
    project_id text COLLATE "C" NOT NULL,
    -- What the list can be narrowed by, as the numbers of the enums in the schema.
    kind       int  NOT NULL,
    status     int  NOT NULL,
    overview   bytea NOT NULL,
    PRIMARY KEY (tenant, project_id),
    CHECK (tenant <> '')
);

-- The streams that cannot be read, and so are missing in the tables: the first record that is wrong, and why.
CREATE TABLE vedtak.unreadable_streams (
    tenant     text COLLATE "C" NOT NULL,
    projection text   NOT NULL,
    stream     text COLLATE "C" NOT NULL,
    position   bigint NOT NULL,
    problem    text   NOT NULL,
    PRIMARY KEY (tenant, projection, stream),
    CHECK (tenant <> '')
);

GRANT SELECT, INSERT, UPDATE, DELETE
    ON vedtak.projection_checkpoints, vedtak.project_overviews, vedtak.unreadable_streams TO vedtak_service;
GRANT SELECT ON vedtak.projection_checkpoints, vedtak.project_overviews, vedtak.unreadable_streams TO vedtak_reader;

-- The checkpoint of one tenant, locked for the caller's transaction; no row when another process holds it.
CREATE FUNCTION vedtak.take_checkpoint(of_tenant text, of_projection text)
RETURNS TABLE ("position" bigint, known_position bigint, known_root bytea)
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('vedtak.tenant', of_tenant, true);
    INSERT INTO vedtak.projection_checkpoints (tenant, projection) VALUES (of_tenant, of_projection) ON CONFLICT DO NOTHING;
    RETURN QUERY
        SELECT c.position, c.known_position, c.known_root FROM vedtak.projection_checkpoints c
        WHERE c.tenant = of_tenant AND c.projection = of_projection
        FOR UPDATE SKIP LOCKED;
END
$$;

-- How far a projection has come in one tenant's ledger; null when that is of a history that was lost, and it must begin anew.
CREATE FUNCTION vedtak.projected(of_tenant text, of_projection text) RETURNS bigint
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('vedtak.tenant', of_tenant, true);
    RETURN (
        SELECT CASE
            WHEN c.tenant IS NULL THEN 0
            WHEN vedtak.holds(of_tenant, c.known_position, c.known_root) THEN c.position
        END
        FROM (SELECT) AS one
        LEFT JOIN vedtak.projection_checkpoints c ON c.tenant = of_tenant AND c.projection = of_projection
    );
END
$$;

RESET ROLE;
