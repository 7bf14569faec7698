-- The ledger: the head of each tenant, its records, and the requests that were answered. Names are compared byte by byte
-- (COLLATE "C"): the same order on every machine, and the cheapest.

SET LOCAL ROLE vedtak_owner;

-- One row a tenant. Whoever appends locks it first, so that positions have no gaps and readers can never skip one.
CREATE TABLE vedtak.heads (
    tenant      text COLLATE "C" NOT NULL,
    position    bigint      NOT NULL DEFAULT 0,
    recorded_at timestamptz NOT NULL DEFAULT 'epoch',
    -- A reader was told what holds as of this time, so nothing more may be recorded at or before it.
    settled_at  timestamptz NOT NULL DEFAULT 'epoch',
    PRIMARY KEY (tenant),
    CHECK (tenant <> ''),
    CHECK (position >= 0)
) WITH (fillfactor = 20);  -- the row is rewritten with every append: room on its page keeps that off the index

-- One row a record. `record` holds the exact bytes that are hashed, served and exported; the other columns exist for indexes.
CREATE TABLE vedtak.records (
    tenant      text COLLATE "C" NOT NULL,
    position    bigint      NOT NULL,
    stream      text COLLATE "C" NOT NULL,
    version     bigint      NOT NULL,
    type        text        NOT NULL,
    recorded_at timestamptz NOT NULL,
    request_id  uuid        NOT NULL,
    record      bytea       NOT NULL,
    leaf_hash   bytea       NOT NULL,
    PRIMARY KEY (tenant, position),
    UNIQUE (stream, tenant, version),  -- what tells most apart comes first: every level of the index compares it first
    CHECK (tenant <> ''),
    CHECK (position >= 1 AND version >= 1),
    CHECK (octet_length(record) BETWEEN 1 AND 65535),
    CHECK (octet_length(leaf_hash) = 32)
) WITH (
    -- The table only grows: freeze by fixed steps instead of by its size.
    autovacuum_vacuum_insert_threshold = 100000,
    autovacuum_vacuum_insert_scale_factor = 0,
    autovacuum_analyze_threshold = 50000,
    autovacuum_analyze_scale_factor = 0
);

-- One row a request that was accepted: what a retry is answered from.
CREATE TABLE vedtak.requests (
    tenant         text COLLATE "C" NOT NULL,
    request_id     uuid   NOT NULL,
    -- SHA-256 of the request's content and subject: the same id with other content is refused.
    content_hash   bytea  NOT NULL,
    stream         text COLLATE "C" NOT NULL,
    version        bigint NOT NULL,
    -- The position that the answer rests on, and how many records end there; none when nothing changed.
    position       bigint NOT NULL,
    record_count   int    NOT NULL,
    PRIMARY KEY (request_id, tenant),
    CHECK (tenant <> ''),
    CHECK (octet_length(content_hash) = 32),
    CHECK (record_count >= 0)
);

-- Nobody writes here but the function that appends (0004).
GRANT SELECT ON vedtak.records, vedtak.requests, vedtak.heads TO vedtak_service, vedtak_reader;

RESET ROLE;
