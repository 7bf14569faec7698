-- The ways to read a ledger. Each names its tenant, sets it for row level security, and asks for it in the query as well.

SET LOCAL ROLE vedtak_owner;

-- The position and time of the last record; no row when the tenant has recorded nothing.
CREATE FUNCTION vedtak.head(of_tenant text) RETURNS TABLE ("position" bigint, recorded_at timestamptz)
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('vedtak.tenant', of_tenant, true);
    RETURN QUERY SELECT h.position, h.recorded_at FROM vedtak.heads h WHERE h.tenant = of_tenant;
END
$$;

-- The records after a position, in order.
CREATE FUNCTION vedtak.read_ledger(of_tenant text, after bigint, up_to bigint, at_most int)
RETURNS TABLE ("position" bigint, stream text, version bigint, type text, recorded_at timestamptz, record bytea, leaf_hash bytea)
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('vedtak.tenant', of_tenant, true);
    RETURN QUERY
        SELECT r.position, r.stream, r.version, r.type, r.recorded_at, r.record, r.leaf_hash
        FROM vedtak.records r
        WHERE r.tenant = of_tenant AND r.position > after AND r.position <= up_to
        ORDER BY r.position LIMIT at_most;
END
$$;

-- The records of one stream after a version, in order, up to a position.
CREATE FUNCTION vedtak.read_stream(of_tenant text, of_stream text, after bigint, up_to bigint, at_most int)
RETURNS TABLE ("position" bigint, stream text, version bigint, type text, recorded_at timestamptz, record bytea, leaf_hash bytea)
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('vedtak.tenant', of_tenant, true);
    RETURN QUERY
        SELECT r.position, r.stream, r.version, r.type, r.recorded_at, r.record, r.leaf_hash
        FROM vedtak.records r
        WHERE r.tenant = of_tenant AND r.stream = of_stream AND r.version > after AND r.position <= up_to
        ORDER BY r.version LIMIT at_most;
END
$$;

-- The records of several streams, each after a version, in order: at most so many of each. `number` is the index of the stream.
CREATE FUNCTION vedtak.read_streams(of_tenants text[], of_streams text[], after bigint[], at_most int)
RETURNS TABLE (number int, "position" bigint, stream text, version bigint, type text, recorded_at timestamptz, record bytea, leaf_hash bytea)
LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1 .. cardinality(of_streams) LOOP
        PERFORM set_config('vedtak.tenant', of_tenants[i], true);
        RETURN QUERY
            SELECT i, r.position, r.stream, r.version, r.type, r.recorded_at, r.record, r.leaf_hash
            FROM vedtak.records r
            WHERE r.tenant = of_tenants[i] AND r.stream = of_streams[i] AND r.version > after[i]
            ORDER BY r.version LIMIT at_most;
    END LOOP;
END
$$;

-- The records of one stream after a position, in order: along a stream, versions and positions rise together.
CREATE FUNCTION vedtak.read_stream_after(of_tenant text, of_stream text, after bigint, up_to bigint, at_most int)
RETURNS TABLE ("position" bigint, stream text, version bigint, type text, recorded_at timestamptz, record bytea, leaf_hash bytea)
LANGUAGE plpgsql AS $$
DECLARE
    low  bigint := 0;
    high bigint;
    half bigint;
BEGIN
    PERFORM set_config('vedtak.tenant', of_tenant, true);
    -- The last version at or before the position, by halving: the index is by version.
    SELECT coalesce(max(r.version), 0) INTO high FROM vedtak.records r WHERE r.tenant = of_tenant AND r.stream = of_stream;
    WHILE low < high LOOP
        half := (low + high + 1) / 2;
        IF (SELECT r.position <= after FROM vedtak.records r WHERE r.tenant = of_tenant AND r.stream = of_stream AND r.version = half) THEN
            low := half;
        ELSE
            high := half - 1;
        END IF;
    END LOOP;
    RETURN QUERY
        SELECT r.position, r.stream, r.version, r.type, r.recorded_at, r.record, r.leaf_hash
        FROM vedtak.records r
        WHERE r.tenant = of_tenant AND r.stream = of_stream AND r.version > low AND r.position <= up_to
        ORDER BY r.version LIMIT at_most;
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
