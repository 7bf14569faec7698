-- How a ledger grows. All of it runs as the owner: these functions are the only way to write to the ledger. One tenant at a time,
-- as row level security would have it, costs four statements a tenant; here the tenant stands in every row instead, counted out from
-- the heads.

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
-- The tenants come sorted, each with the position that its records follow, the one that they reach, and the time that they carry; the
-- records come in the order of the tenants. Their positions are counted here, so that there is never a gap. Requests without a record
-- are looked up when it is asked; those with records are refused by the index if they have been recorded, and looked up among those
-- that changed nothing.
CREATE FUNCTION vedtak.append(
    tenants text[], follow bigint[], reach bigint[], times timestamptz[], look_up_tenants text[], look_up_ids uuid[],
    streams text[], versions bigint[], types text[], request_ids uuid[], records bytea[], leaf_hashes bytea[], record_counts int[],
    content_hashes bytea[],
    unchanged_tenants text[], unchanged_ids uuid[], unchanged_hashes bytea[], unchanged_streams text[], unchanged_versions bigint[],
    unchanged_positions bigint[],
    OUT moved text[], OUT known boolean, OUT clock timestamptz
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    record_tenants text[];
    positions bigint[];
    recorded_at timestamptz[];
BEGIN
    moved := ARRAY(
        SELECT CASE WHEN h.position = t.follow AND greatest(h.recorded_at, h.settled_at) < t.at THEN NULL ELSE h.tenant END
        FROM unnest(tenants, follow, times) WITH ORDINALITY AS t (tenant, follow, at, number)
        JOIN vedtak.heads h ON h.tenant = t.tenant
        ORDER BY t.number FOR NO KEY UPDATE OF h
    );
    IF cardinality(moved) <> cardinality(tenants) THEN
        RAISE EXCEPTION 'a ledger without a head' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    moved := nullif(array_remove(moved, NULL), ARRAY[]::text[]);
    SELECT array_agg(place.tenant), array_agg(place.position), array_agg(place.at) INTO record_tenants, positions, recorded_at
        FROM (
            SELECT t.tenant, t.at, generate_series(t.follow + 1, t.reach) AS position
            FROM unnest(tenants, follow, reach, times) WITH ORDINALITY AS t (tenant, follow, reach, at, number)
            ORDER BY t.number
        ) AS place;
    known := EXISTS (
        SELECT FROM unnest(record_tenants, request_ids) AS asked (tenant, id)
        CROSS JOIN LATERAL (
            SELECT FROM vedtak.unchanged u WHERE u.tenant = asked.tenant AND u.request_id = asked.id LIMIT 1
        ) AS u
    );
    IF NOT known AND cardinality(look_up_ids) > 0 THEN
        known := EXISTS (SELECT FROM vedtak.answered(look_up_tenants, look_up_ids));
    END IF;
    clock := clock_timestamp();
    IF moved IS NOT NULL OR known THEN
        RETURN;
    END IF;
    IF cardinality(unchanged_ids) > 0 THEN
        INSERT INTO vedtak.unchanged (tenant, request_id, content_hash, stream, version, position)
            SELECT unnest(unchanged_tenants), unnest(unchanged_ids), unnest(unchanged_hashes), unnest(unchanged_streams),
                unnest(unchanged_versions), unnest(unchanged_positions);
    END IF;
    IF cardinality(records) = 0 THEN
        RETURN;
    END IF;
    -- More or fewer records than there are places leave nulls, which are refused.
    INSERT INTO vedtak.records (tenant, position, stream, version, type, recorded_at, request_id, record, leaf_hash, record_count,
            content_hash)
        SELECT unnest(record_tenants), unnest(positions), unnest(streams), unnest(versions), unnest(types), unnest(recorded_at),
            unnest(request_ids), unnest(records), unnest(leaf_hashes), unnest(record_counts), unnest(content_hashes);
    UPDATE vedtak.heads h SET position = t.reach, recorded_at = t.at
        FROM unnest(tenants, reach, times) AS t (tenant, reach, at)
        WHERE h.tenant = t.tenant AND t.reach > h.position;
END
$$;

RESET ROLE;
