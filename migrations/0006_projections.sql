-- The projections: tables that can be thrown away and built again from the ledger, and how far each of them has come.

SET LOCAL ROLE vedtak_owner;

CREATE TABLE vedtak.projection_checkpoints (
    tenant     text   NOT NULL,
    projection text   NOT NULL,
    position   bigint NOT NULL DEFAULT 0,
    -- Why it stands still, when it does.
    stopped    text,
    PRIMARY KEY (tenant, projection),
    CHECK (tenant <> '')
) WITH (fillfactor = 20);

-- One row a project: its overview as of the checkpoint, as protobuf bytes of vedtak.v1.ProjectOverview.
CREATE TABLE vedtak.project_overviews (
    tenant     text  NOT NULL,
    project_id uuid  NOT NULL,
    overview   bytea NOT NULL,
    PRIMARY KEY (tenant, project_id),
    CHECK (tenant <> '')
);

GRANT SELECT, INSERT, UPDATE, DELETE ON vedtak.projection_checkpoints, vedtak.project_overviews TO vedtak_service;
GRANT SELECT ON vedtak.projection_checkpoints, vedtak.project_overviews TO vedtak_reader;

-- The bookkeeping of the migrations belongs to the login that runs them.
RESET ROLE;
