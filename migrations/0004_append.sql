-- How a ledger grows. All of it runs as the owner: these functions are the only way to write to the ledger. One tenant at a time,
-- as row level security would have it, costs four statements a tenant; here the tenant stands in every row instead, and the heads
-- are held against the rows.

SET LOCAL ROLE vedtak_owner;

-- Those of these requests that were answered before.
CREATE FUNCTION vedtak.answered(request_tenants text[], request_ids uuid[]) RETURNS SETOF vedtak.requests
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT r.*
    FROM unnest(request_tenants, request_ids) AS asked (tenant, id)
    -- LIMIT keeps this a look-up by key for each id, whatever the planner believes of the table's size.
    CROSS JOIN LATERAL (
        SELECT * FROM vedtak.requests q WHERE q.tenant = asked.tenant AND q.request_id = asked.id LIMIT 1
    ) AS r
$$;

-- Locks the heads of these tenants, in the order given, until the transaction ends, and answers where each stands and what time it
-- is there; and how many of the requests were answered before. The tenants come sorted, so that two processes never wait for each
-- other in a circle. The requests are looked up in a statement of its own, after the lock: a single statement would see the
-- snapshot from before it waited. The time is that of what is appended now: read from the one clock that all processes share, after
-- the lock, and later than everything before, whatever that clock does.
CREATE FUNCTION vedtak.open_append(
    tenants text[], request_tenants text[], request_ids uuid[],
    OUT positions bigint[], OUT times timestamptz[], OUT repeated bigint
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    -- The first command of a tenant. Another process may be making the same head: then its row is the one.
    INSERT INTO vedtak.heads (tenant)
        SELECT t.tenant FROM unnest(tenants) AS t (tenant)
        WHERE NOT EXISTS (SELECT FROM vedtak.heads h WHERE h.tenant = t.tenant)
        ORDER BY t.tenant COLLATE "C"
        ON CONFLICT DO NOTHING;
    SELECT array_agg(head.position), array_agg(greatest(clock_timestamp(), head.floor + interval '1 microsecond'))
        INTO positions, times
        FROM (
            SELECT h.position, greatest(h.recorded_at, h.settled_at) AS floor
            FROM unnest(tenants) WITH ORDINALITY AS t (tenant, number) JOIN vedtak.heads h ON h.tenant = t.tenant
            ORDER BY t.number FOR NO KEY UPDATE OF h
        ) AS head;
    SELECT count(*) INTO repeated FROM vedtak.answered(request_tenants, request_ids);
END
$$;

-- Appends these records, remembers these requests that changed nothing, and moves the heads, all or nothing: a row is an index in all
-- arrays of its kind. What was judged without a lock rests on the heads being where it was believed that they were: `moved` names
-- those that are not, or that are past the time that the records carry; `known` says that one of the requests was answered before,
-- as far as it was looked up. In both cases nothing has been appended. `clock` is the time now.
--
-- The tenants come sorted, each with the position that its records follow and the time that they carry. Requests without a record are
-- looked up when it is asked; those with records are refused by the index if they have been recorded, and looked up among those that
-- changed nothing.
CREATE FUNCTION vedtak.append(
    tenants text[], follow bigint[], times timestamptz[], look_up_tenants text[], look_up_ids uuid[],
    record_tenants text[], positions bigint[], streams text[], versions bigint[], types text[], recorded_at timestamptz[],
    request_ids uuid[], records bytea[], leaf_hashes bytea[], record_counts int[], content_hashes bytea[],
    unchanged_tenants text[], unchanged_ids uuid[], unchanged_hashes bytea[], unchanged_streams text[], unchanged_versions bigint[],
    unchanged_positions bigint[],
    OUT moved text[], OUT known boolean, OUT clock timestamptz
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    touched bigint;
    written bigint;
BEGIN
    SELECT array_agg(head.tenant) FILTER (WHERE head.position <> head.follow OR head.floor >= head.at), count(*)
        INTO moved, touched
        FROM (
            SELECT h.tenant, h.position, t.follow, t.at, greatest(h.recorded_at, h.settled_at) AS floor
            FROM unnest(tenants, follow, times) WITH ORDINALITY AS t (tenant, follow, at, number)
            JOIN vedtak.heads h ON h.tenant = t.tenant
            ORDER BY t.number FOR NO KEY UPDATE OF h
        ) AS head;
    IF touched <> cardinality(tenants) THEN
        RAISE EXCEPTION 'a ledger without a head' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    known := (cardinality(look_up_ids) > 0 AND EXISTS (SELECT FROM vedtak.answered(look_up_tenants, look_up_ids)))
        OR EXISTS (
            SELECT FROM unnest(record_tenants, request_ids) AS asked (tenant, id)
            CROSS JOIN LATERAL (
                SELECT FROM vedtak.unchanged u WHERE u.tenant = asked.tenant AND u.request_id = asked.id LIMIT 1
            ) AS u
        );
    clock := clock_timestamp();
    IF moved IS NOT NULL OR known THEN
        RETURN;
    END IF;
    IF cardinality(unchanged_ids) > 0 THEN
        INSERT INTO vedtak.unchanged (tenant, request_id, content_hash, stream, version, position)
            SELECT unnest(unchanged_tenants), unnest(unchanged_ids), unnest(unchanged_hashes), unnest(unchanged_streams),
                unnest(unchanged_versions), unnest(unchanged_positions);
    END IF;
    IF cardinality(positions) = 0 THEN
        RETURN;
    END IF;
    INSERT INTO vedtak.records (tenant, position, stream, version, type, recorded_at, request_id, record, leaf_hash, record_count,
            content_hash)
        SELECT unnest(record_tenants), unnest(positions), unnest(streams), unnest(versions), unnest(types), unnest(recorded_at),
            unnest(request_ids), unnest(records), unnest(leaf_hashes), unnest(record_counts), unnest(content_hashes);
    -- Refuses whatever would leave a gap.
    WITH ends AS (
        SELECT r.tenant, min(r.position) AS first, max(r.position) AS last, max(r.recorded_at) AS recorded_at, count(*) AS count
        FROM unnest(record_tenants, positions, append.recorded_at) AS r (tenant, position, recorded_at)
        GROUP BY r.tenant
    ), moving AS (
        UPDATE vedtak.heads h SET position = e.last, recorded_at = e.recorded_at
        FROM ends e
        WHERE h.tenant = e.tenant AND h.position = e.first - 1 AND e.last - h.position = e.count
        RETURNING h.tenant
    )
    SELECT (SELECT count(*) FROM ends), (SELECT count(*) FROM moving) INTO touched, written;
    IF written <> touched THEN
        RAISE EXCEPTION 'these records do not follow the head of their ledger' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
END
$$;

RESET ROLE;
