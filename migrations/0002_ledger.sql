-- The ledger: the head of each tenant, its records, and what a retry is answered from. Names are compared byte by byte
-- (COLLATE "C"): the same order on every machine, and the cheapest.

SET LOCAL ROLE vedtak_owner;

-- One row a tenant. Whoever appends locks it first, so that positions have no gaps and readers can never skip one.
CREATE TABLE vedtak.heads (
    tenant      text COLLATE "C" NOT NULL,
    position    bigint      NOT NULL DEFAULT 0,
    recorded_at timestamptz NOT NULL DEFAULT 'epoch',
    -- A reader was told what holds as of this time, so nothing more may be recorded at or before it.
    settled_at  timestamptz NOT NULL DEFAULT 'epoch',
    -- The root of the RFC 6962 tree over all records, by which this history is known, and its right edge: the hashes of the full
    -- subtrees that the records fill, the largest first, one for each bit of the position.
    root        bytea       NOT NULL DEFAULT sha256(''),
    edge        bytea       NOT NULL DEFAULT '',
    PRIMARY KEY (tenant),
    -- It stands in records as it is, between quotes.
    CHECK (tenant <> '' AND translate(tenant, '"\', '') = tenant),
    CHECK (position >= 0),
    CHECK (octet_length(root) = 32 AND octet_length(edge) = 32 * bit_count(position::bit(64)))
) WITH (fillfactor = 20);  -- the row is rewritten with every append: room on its page keeps that off the index

-- One row a record. `record` holds the exact bytes that are hashed, served and exported; the other columns exist for indexes and for
-- retries. The last record of a request remembers the request: a row of its own would make an append dearer by a sixth.
CREATE TABLE vedtak.records (
    tenant       text COLLATE "C" NOT NULL,
    position     bigint      NOT NULL,
    stream       text COLLATE "C" NOT NULL,
    version      bigint      NOT NULL,
    type         text        NOT NULL,
    recorded_at  timestamptz NOT NULL,
    request_id   uuid        NOT NULL,
    record       bytea       NOT NULL,
    leaf_hash    bytea       NOT NULL,
    -- On the last record of a request, how many records it caused and SHA-256 of its content and subject: the same id with other
    -- content is refused.
    record_count int,
    content_hash bytea,
    -- On the last record of a transaction, the root of the tree up to it: whoever remembers a position and its root can ask whether
    -- this is still the same history.
    root         bytea,
    PRIMARY KEY (tenant, position),
    UNIQUE (stream, tenant, version),  -- what tells most apart comes first: every level of the index compares it first
    -- What the function that appends makes by itself needs no check: tenants with a head, positions, hashes and roots.
    CHECK (version >= 1),
    CHECK (octet_length(record) BETWEEN 1 AND 65535),
    CHECK (strpos(type, '"') = 0 AND strpos(type, '\') = 0),
    -- The streams of later versions are those of the first.
    CHECK (version > 1 OR strpos(stream, '"') = 0 AND strpos(stream, '\') = 0),
    CHECK (record_count >= 1 AND octet_length(content_hash) = 32),
    CHECK ((record_count IS NULL) = (content_hash IS NULL))
) WITH (
    -- The table only grows: freeze by fixed steps instead of by its size.
    autovacuum_vacuum_insert_threshold = 100000,
    autovacuum_vacuum_insert_scale_factor = 0,
    autovacuum_analyze_threshold = 50000,
    autovacuum_analyze_scale_factor = 0
);

CREATE UNIQUE INDEX records_by_request ON vedtak.records (request_id, tenant) WHERE content_hash IS NOT NULL;

-- One row a request that was accepted and changed nothing. `version` and `position` are those that its answer rests on.
CREATE TABLE vedtak.unchanged (
    tenant       text COLLATE "C" NOT NULL,
    request_id   uuid   NOT NULL,
    content_hash bytea  NOT NULL,
    stream       text COLLATE "C" NOT NULL,
    version      bigint NOT NULL,
    position     bigint NOT NULL,
    PRIMARY KEY (request_id, tenant),
    CHECK (tenant <> ''),
    CHECK (octet_length(content_hash) = 32)
);

-- The requests that were accepted: what a retry is answered from. `position` and `version` are those of the last record, or those that
-- the answer rests on.
CREATE VIEW vedtak.requests WITH (security_invoker = true) AS
    SELECT tenant, request_id, content_hash, stream, version, position, record_count
    FROM vedtak.records WHERE content_hash IS NOT NULL
    UNION ALL
    SELECT tenant, request_id, content_hash, stream, version, position, 0
    FROM vedtak.unchanged;

-- Nobody writes here but the function that appends (0004).
GRANT SELECT ON vedtak.records, vedtak.unchanged, vedtak.requests, vedtak.heads TO vedtak_service, vedtak_reader;

RESET ROLE;
