-- The ways to read a ledger. Each names its tenant, sets it for row level security, and asks for it in the query as well.

SET LOCAL ROLE vedtak_owner;

-- The position, the time and the root of the last record; no row when the tenant has recorded nothing.
CREATE FUNCTION vedtak.head(of_tenant text) RETURNS TABLE ("position" bigint, recorded_at timestamptz, root bytea)
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('vedtak.tenant', of_tenant, true);
    RETURN QUERY SELECT h.position, h.recorded_at, h.root FROM vedtak.heads h WHERE h.tenant = of_tenant;
END
$$;

-- What is read on is told in the same statement, and so of the same moment, as whether the history still has the root from which it
-- was read so far (`held`), and where that history has come to (`head`, `root`). When it is not held, no records come. So many records
-- come at the most, and as many bytes of them, but always one; when there are more, a row without a record says so (`more`), and
-- nothing beyond it is looked at. When there is none, the only row has none.

-- The records after a position, in order.
CREATE FUNCTION vedtak.read_ledger(
    of_tenant text, after bigint, up_to bigint, at_most bigint, at_most_bytes bigint, known_position bigint, known_root bytea
)
RETURNS TABLE (head bigint, root bytea, held boolean, more boolean,
    "position" bigint, stream text, version bigint, type text, recorded_at timestamptz, record bytea, leaf_hash bytea)
LANGUAGE plpgsql AS $$
DECLARE
    records bigint := 0;
    bytes   bigint := 0;
BEGIN
    PERFORM set_config('vedtak.tenant', of_tenant, true);
    more := false;
    FOR head, root, held, "position", stream, version, type, recorded_at, record, leaf_hash IN
        SELECT coalesce(h.position, 0), coalesce(h.root, sha256('')), known.held,
            r.position, r.stream, r.version, r.type, r.recorded_at, r.record, r.leaf_hash
        FROM (SELECT vedtak.holds(of_tenant, known_position, known_root) AS held OFFSET 0) AS known
        LEFT JOIN vedtak.heads h ON h.tenant = of_tenant
        LEFT JOIN LATERAL (
            SELECT q.* FROM vedtak.records q
            WHERE known.held AND q.tenant = of_tenant AND q.position > after AND q.position <= up_to
            ORDER BY q.position LIMIT at_most + 1
        ) AS r ON true
    LOOP
        records := records + 1;
        bytes := bytes + octet_length(record);
        more := records > 1 AND (records > at_most OR bytes > at_most_bytes);
        IF more THEN
            "position" := NULL;
            record := NULL;
        END IF;
        RETURN NEXT;
        EXIT WHEN more;
    END LOOP;
END
$$;

-- The records of streams, each after a version, in order, up to a position. `number` is the index of the stream. Streams of one tenant
-- that stand together are read in one statement: a statement for each would take ten times as long as finding nothing new.
CREATE FUNCTION vedtak.read_streams(
    of_tenants text[], of_streams text[], after bigint[], up_to bigint, at_most bigint, at_most_bytes bigint,
    known_positions bigint[], known_roots bytea[]
)
RETURNS TABLE (number bigint, head bigint, root bytea, held boolean, more boolean,
    "position" bigint, stream text, version bigint, type text, recorded_at timestamptz, record bytea, leaf_hash bytea)
LANGUAGE plpgsql AS $$
DECLARE
    first   int := 1;
    last    int;
    before  bigint;
    records bigint;
    bytes   bigint;
BEGIN
    WHILE first <= cardinality(of_streams) LOOP
        last := first;
        WHILE of_tenants[last + 1] = of_tenants[first] LOOP
            last := last + 1;
        END LOOP;
        PERFORM set_config('vedtak.tenant', of_tenants[first], true);
        -- The rows come in the order of the streams, since each is looked up in its turn.
        FOR number, head, root, held, "position", stream, version, type, recorded_at, record, leaf_hash IN
            SELECT s.number + first - 1, coalesce(h.position, 0), coalesce(h.root, sha256('')), s.held,
                r.position, r.stream, r.version, r.type, r.recorded_at, r.record, r.leaf_hash
            FROM (
                SELECT u.*, vedtak.holds(of_tenants[first], u.known_position, u.known_root) AS held
                FROM unnest(of_streams[first:last], after[first:last], known_positions[first:last], known_roots[first:last])
                    WITH ORDINALITY AS u (stream, after, known_position, known_root, number)
                OFFSET 0
            ) AS s
            LEFT JOIN vedtak.heads h ON h.tenant = of_tenants[first]
            LEFT JOIN LATERAL (
                SELECT q.* FROM vedtak.records q
                WHERE s.held AND q.tenant = of_tenants[first] AND q.stream = s.stream AND q.version > s.after AND q.position <= up_to
                ORDER BY q.version LIMIT at_most + 1
            ) AS r ON true
        LOOP
            IF number IS DISTINCT FROM before THEN
                before := number;
                records := 0;
                bytes := 0;
                more := false;
            END IF;
            -- What is left of a stream of which enough has been read.
            CONTINUE WHEN more;
            records := records + 1;
            bytes := bytes + octet_length(record);
            more := records > 1 AND (records > at_most OR bytes > at_most_bytes);
            IF more THEN
                "position" := NULL;
                record := NULL;
            END IF;
            RETURN NEXT;
            EXIT WHEN more AND number = cardinality(of_streams);
        END LOOP;
        first := last + 1;
    END LOOP;
END
$$;

-- The last version of a stream that was recorded at or before a position, by halving: along a stream, versions and positions rise
-- together, and the index is by version.
CREATE FUNCTION vedtak.version_at(of_tenant text, of_stream text, at_position bigint) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    low  bigint := 0;
    high bigint;
    half bigint;
BEGIN
    PERFORM set_config('vedtak.tenant', of_tenant, true);
    SELECT coalesce(max(r.version), 0) INTO high FROM vedtak.records r WHERE r.tenant = of_tenant AND r.stream = of_stream;
    WHILE low < high LOOP
        half := (low + high + 1) / 2;
        IF (SELECT r.position <= at_position FROM vedtak.records r
            WHERE r.tenant = of_tenant AND r.stream = of_stream AND r.version = half) THEN
            low := half;
        ELSE
            high := half - 1;
        END IF;
    END LOOP;
    RETURN low;
END
$$;

-- The versions that streams have come to in the records after a position.
CREATE FUNCTION vedtak.versions_after(of_tenant text, after bigint, up_to bigint) RETURNS TABLE (stream text, version bigint)
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('vedtak.tenant', of_tenant, true);
    RETURN QUERY
        SELECT r.stream, max(r.version) FROM vedtak.records r
        WHERE r.tenant = of_tenant AND r.position > after AND r.position <= up_to
        GROUP BY r.stream;
END
$$;

-- The streams of so many records after a position, and the position of the last of them, for whoever goes on in a history that it
-- knows; none when there are no more. Told in one statement, as above.
CREATE FUNCTION vedtak.streams_after(of_tenant text, after bigint, at_most bigint, known_position bigint, known_root bytea)
RETURNS TABLE (head bigint, root bytea, held boolean, reached bigint, streams text[])
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('vedtak.tenant', of_tenant, true);
    RETURN QUERY
        SELECT coalesce(h.position, 0), coalesce(h.root, sha256('')), known.held, r.reached, r.streams
        FROM (SELECT vedtak.holds(of_tenant, known_position, known_root) AS held OFFSET 0) AS known
        LEFT JOIN vedtak.heads h ON h.tenant = of_tenant
        CROSS JOIN LATERAL (
            SELECT max(q.position) AS reached, array_agg(DISTINCT q.stream) AS streams
            FROM (
                SELECT next.position, next.stream FROM vedtak.records next
                WHERE known.held AND next.tenant = of_tenant AND next.position > after
                ORDER BY next.position LIMIT at_most
            ) AS q
        ) AS r;
END
$$;

-- Whether the record at a position has this leaf hash.
CREATE FUNCTION vedtak.has_leaf(of_tenant text, at_position bigint, known_leaf bytea) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('vedtak.tenant', of_tenant, true);
    RETURN EXISTS (
        SELECT FROM vedtak.records r WHERE r.tenant = of_tenant AND r.position = at_position AND r.leaf_hash = known_leaf
    );
END
$$;

-- Whether the history still has this root at this position, for whoever has set no tenant.
CREATE FUNCTION vedtak.held(of_tenant text, known_position bigint, known_root bytea) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('vedtak.tenant', of_tenant, true);
    RETURN vedtak.holds(of_tenant, known_position, known_root);
END
$$;
-- The last of these positions whose record has the leaf hash that is known; null when none has.
CREATE FUNCTION vedtak.last_common(of_tenant text, known_positions bigint[], known_leaves bytea[]) RETURNS bigint
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('vedtak.tenant', of_tenant, true);
    RETURN (SELECT max(k.position) FROM unnest(known_positions, known_leaves) AS k (position, leaf)
        JOIN vedtak.records r ON r.tenant = of_tenant AND r.position = k.position AND r.leaf_hash = k.leaf);
END
$$;

-- The last position recorded at or before a time; 0 when there is none. Times never fall along the positions, so halving finds
-- it with a few look-ups and needs no index of its own.
CREATE FUNCTION vedtak.position_at(of_tenant text, at timestamptz) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    low  bigint := 0;
    high bigint;
    half bigint;
BEGIN
    PERFORM set_config('vedtak.tenant', of_tenant, true);
    SELECT h.position INTO high FROM vedtak.heads h WHERE h.tenant = of_tenant;
    high := coalesce(high, 0);
    WHILE low < high LOOP
        half := (low + high + 1) / 2;
        IF (SELECT r.recorded_at <= at FROM vedtak.records r WHERE r.tenant = of_tenant AND r.position = half) THEN
            low := half;
        ELSE
            high := half - 1;
        END IF;
    END LOOP;
    RETURN low;
END
$$;

-- Sees to it that nothing can come to lie at or before that time any more; false when the time lies ahead. It runs as the owner, since
-- nobody else may move a head.
CREATE FUNCTION vedtak.settle(of_tenant text, at timestamptz) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF at > clock_timestamp() THEN
        RETURN false;
    END IF;
    -- A first append that is under way is waited for as well.
    INSERT INTO vedtak.heads (tenant)
        SELECT of_tenant WHERE NOT EXISTS (SELECT FROM vedtak.heads h WHERE h.tenant = of_tenant) ON CONFLICT DO NOTHING;
    IF at > (SELECT greatest(h.recorded_at, h.settled_at) FROM vedtak.heads h WHERE h.tenant = of_tenant) THEN
        -- What is about to be appended may carry an earlier time. Either it holds the head already, and is waited for here, or it
        -- finds this mark and must be given a later time. The mark need not reach the disk: a crash that loses it ends the session
        -- of every append that it was meant for.
        PERFORM set_config('synchronous_commit', 'off', true);
        UPDATE vedtak.heads h SET settled_at = at WHERE h.tenant = of_tenant AND at > greatest(h.recorded_at, h.settled_at);
    END IF;
    RETURN true;
END
$$;

-- The last position recorded at or before a time, which it stays; null when the time lies ahead.
CREATE FUNCTION vedtak.settled_position_at(of_tenant text, at timestamptz) RETURNS bigint
LANGUAGE plpgsql AS $$
BEGIN
    IF vedtak.settle(of_tenant, at) THEN
        RETURN vedtak.position_at(of_tenant, at);
    END IF;
    RETURN NULL;
END
$$;

RESET ROLE;
