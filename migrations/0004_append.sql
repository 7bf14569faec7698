-- How a ledger grows. All of it runs as the owner: these functions are the only way to write to the ledger. One tenant at a time,
-- as row level security would have it, costs four statements a tenant; here the tenant stands in every row instead, counted out from
-- the heads.

SET LOCAL ROLE vedtak_owner;

-- Those of these requests that were answered before. In PL/pgSQL, here and below, since it keeps the plans of its queries, which a
-- function in SQL makes anew in every statement.
CREATE FUNCTION vedtak.answered(request_tenants text[], request_ids uuid[]) RETURNS SETOF vedtak.requests
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    RETURN QUERY
        SELECT r.*
        FROM unnest(request_tenants, request_ids) AS asked (tenant, id)
        -- LIMIT keeps this a look-up by key for each id, whatever the planner believes of the table's size.
        CROSS JOIN LATERAL (
            SELECT * FROM vedtak.requests q WHERE q.tenant = asked.tenant AND q.request_id = asked.id LIMIT 1
        ) AS r;
END
$$;

-- Whether this is a history in which that root stood at that position. It stands at every position at which a transaction ended.
CREATE FUNCTION vedtak.holds(of_tenant text, at_position bigint, known_root bytea) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN at_position = 0 OR EXISTS (
        SELECT FROM vedtak.records r WHERE r.tenant = of_tenant AND r.position = at_position AND r.root = known_root
    );
END
$$;

-- Locks the heads of these tenants, in the order given, until the transaction ends, and answers where each stands, what time it
-- is there, and whether its history has the root that is remembered; and how many of the requests were answered before. The tenants
-- come sorted, so that two processes never wait for each other in a circle. The requests are looked up in a statement of its own,
-- after the lock: a single statement would see the snapshot from before it waited. The time is that of what is appended now: read from
-- the one clock that all processes share, after the lock, and later than everything before, whatever that clock does.
CREATE FUNCTION vedtak.open_append(
    tenants text[], known_positions bigint[], known_roots bytea[], request_tenants text[], request_ids uuid[],
    OUT positions bigint[], OUT roots bytea[], OUT edges bytea[], OUT times timestamptz[], OUT held boolean[], OUT repeated bigint
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    -- The first command of a tenant. Another process may be making the same head: then its row is the one.
    INSERT INTO vedtak.heads (tenant)
        SELECT t.tenant FROM unnest(tenants) AS t (tenant)
        WHERE NOT EXISTS (SELECT FROM vedtak.heads h WHERE h.tenant = t.tenant)
        ORDER BY t.tenant COLLATE "C"
        ON CONFLICT DO NOTHING;
    SELECT array_agg(head.position), array_agg(head.root), array_agg(head.edge),
            array_agg(greatest(clock_timestamp(), head.floor + interval '1 microsecond'))
        INTO positions, roots, edges, times
        FROM (
            SELECT h.position, h.root, h.edge, greatest(h.recorded_at, h.settled_at) AS floor
            FROM unnest(tenants) WITH ORDINALITY AS t (tenant, number) JOIN vedtak.heads h ON h.tenant = t.tenant
            ORDER BY t.number FOR NO KEY UPDATE OF h
        ) AS head;
    held := ARRAY(
        SELECT vedtak.holds(t.tenant, t.position, t.root)
        FROM unnest(tenants, known_positions, known_roots) WITH ORDINALITY AS t (tenant, position, root, number) ORDER BY t.number
    );
    SELECT count(*) INTO repeated FROM vedtak.answered(request_tenants, request_ids);
END
$$;

-- The right edge and the root of an RFC 6962 tree of that size after these leaves (section 2.1), each hash after the other. Level by
-- level: two nodes make one of the next level, and one that is left over belongs to the edge. A short level is not worth a query.
CREATE FUNCTION vedtak.grow(size bigint, edge bytea, leaves bytea, OUT grown bytea, OUT root bytea)
LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
    level bytea := leaves;
    total int := octet_length(leaves) / 32;
    kept  int := octet_length(edge);
    low   bytea := '';
    above bytea;
BEGIN
    LOOP
        IF size & 1 = 1 THEN
            level := substring(edge FROM kept - 31 FOR 32) || level;
            kept := kept - 32;
            total := total + 1;
        END IF;
        IF total & 1 = 1 THEN
            low := substring(level FROM 32 * total - 31) || low;
        END IF;
        total := total / 2;
        EXIT WHEN total = 0;
        IF total < 32 THEN
            above := '';
            FOR i IN 1 .. total LOOP
                above := above || sha256('\x01'::bytea || substring(level FROM 64 * i - 63 FOR 64));
            END LOOP;
            level := above;
        ELSE
            level := string_agg(sha256('\x01'::bytea || substring(level FROM 64 * n - 63 FOR 64)), ''::bytea)
                FROM generate_series(1, total) AS n;
        END IF;
        size := size >> 1;
    END LOOP;
    grown := substring(edge FOR kept) || low;
    kept := octet_length(grown) - 31;
    root := substring(grown FROM kept);
    WHILE kept > 1 LOOP
        kept := kept - 32;
        root := sha256('\x01'::bytea || substring(grown FROM kept FOR 32) || root);
    END LOOP;
END
$$;

-- A record that does not end with the text that its columns make, when it says the same all the same: why it was done stands between
-- the position and the time, what it relied on between the time and the request. Neither can hide a member of another name: the one is
-- a text without a bare quote, the other a list of a fixed form. Any other is refused.
CREATE FUNCTION vedtak.which_says(record bytea, "position" bigint, "time" text, "end" text) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog AS $$
DECLARE
    rest  text := convert_from(record, 'UTF8');
    place text := ',"position":' || "position";
    part  text;
    says  boolean := right(rest, length("end")) = "end";
BEGIN
    rest := left(rest, -length("end"));
    IF right(rest, 1) = ']' THEN
        part := split_part(rest, ',"relies_on":[', -1);
        says := says AND part ~ '^({"position":\d+,"stream":"[^"\\]+"},?)+]$';
        rest := left(rest, -length(part) - length(',"relies_on":['));
    END IF;
    says := says AND right(rest, length("time")) = "time";
    rest := left(rest, -length("time"));
    IF right(rest, length(place)) <> place THEN
        part := split_part(rest, ',"reason":"', -1);
        says := says AND part ~ '^([^"\\]|\\.)*"$';
        rest := left(rest, -length(part) - length(',"reason":"'));
    END IF;
    IF says AND right(rest, length(place)) = place THEN
        RETURN record;
    END IF;
    RAISE EXCEPTION 'a record that says other than its columns' USING ERRCODE = 'integrity_constraint_violation';
END
$$;

-- Appends these records, remembers these requests that changed nothing, and moves the heads, all or nothing: a row is an index in all
-- arrays of its kind. What was judged without a lock rests on the heads being where it was believed that they were, with that root:
-- `moved` names those that are not, that are past the time that the records carry, or that have not come to it; `known` says that one
-- of the requests was answered before, as far as it was looked up. In both cases nothing has been appended. `clock` is the time now.
--
-- The tenants come sorted, each with the position and the root that its records follow, the position that they reach, and the time that
-- they carry; the records come in the order of the tenants. What could not be read again is not taken, whoever asks: positions are
-- counted here, so that there is never a gap; the leaf hashes and the root are made here; a record is JSON that says what its columns
-- say; a version follows the one before. Requests without a record are looked up when it is asked; those with records are refused by
-- the index if they have been recorded, and looked up among those that changed nothing.
CREATE FUNCTION vedtak.append(
    tenants text[], follow bigint[], follow_roots bytea[], reach bigint[], times timestamptz[],
    look_up_tenants text[], look_up_ids uuid[],
    streams text[], versions bigint[], types text[], request_ids uuid[], records bytea[], record_counts int[],
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
    recorded_at_texts text[];
    edges bytea[];
    leaf_hashes bytea[];
    leaves bytea;
    tips bytea[];
    roots bytea[] := array_fill(NULL::bytea, ARRAY[cardinality(tenants)]);
    onward boolean;
    grown record;
    first int;
    last int := 0;
BEGIN
    SELECT array_agg(head.tenant), array_agg(head.edge), bool_and(head.onward) INTO moved, edges, onward
        FROM (
            SELECT h.edge, t.reach >= t.follow AS onward, CASE
                    WHEN h.position = t.follow AND h.root = t.root AND head_time.floor < t.at
                        -- A clock that was put back is waited for by the smallest steps; none runs ahead.
                        AND t.at <= greatest(clock_timestamp() + interval '1 second', head_time.floor + interval '1 microsecond')
                    THEN NULL
                    ELSE h.tenant
                END AS tenant
            FROM unnest(tenants, follow, follow_roots, reach, times) WITH ORDINALITY AS t (tenant, follow, root, reach, at, number)
            JOIN vedtak.heads h ON h.tenant = t.tenant
            CROSS JOIN LATERAL (SELECT greatest(h.recorded_at, h.settled_at) AS floor) AS head_time
            ORDER BY t.number FOR NO KEY UPDATE OF h
        ) AS head;
    IF coalesce(cardinality(moved), 0) <> cardinality(tenants) THEN
        RAISE EXCEPTION 'a ledger without a head' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    moved := nullif(array_remove(moved, NULL), ARRAY[]::text[]);
    SELECT array_agg(place.tenant), array_agg(place.position), array_agg(place.at), array_agg(place."time")
        INTO record_tenants, positions, recorded_at, recorded_at_texts
        FROM (
            SELECT t.tenant, t.at, t."time", generate_series(t.follow + 1, t.reach) AS position
            FROM (
                SELECT *, ',"recorded_at":"' || to_char(h.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') || '"' AS "time"
                FROM unnest(tenants, follow, reach, times) WITH ORDINALITY AS h (tenant, follow, reach, at, number)
                ORDER BY h.number
            ) AS t
        ) AS place;
    -- Almost never, so that asking for the ids alone, all at once, spares a look-up for each.
    known := EXISTS (SELECT FROM vedtak.unchanged u WHERE u.request_id = ANY (request_ids));
    IF known THEN
        known := EXISTS (
            SELECT FROM vedtak.unchanged u JOIN unnest(record_tenants, request_ids) AS asked (tenant, id)
                ON u.tenant = asked.tenant AND u.request_id = asked.id
        );
    END IF;
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
    IF cardinality(records) <> coalesce(cardinality(positions), 0) OR array_position(records, NULL) IS NOT NULL OR onward IS NOT TRUE THEN
        RAISE EXCEPTION 'other records than there are places' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    leaf_hashes := ARRAY(SELECT sha256('\x00'::bytea || r.record) FROM unnest(records) AS r (record));
    tips := array_fill(NULL::bytea, ARRAY[cardinality(records)]);
    FOR i IN 1 .. cardinality(tenants) LOOP
        first := last + 1;
        last := last + (reach[i] - follow[i])::int;
        CONTINUE WHEN last < first;
        leaves := '';
        FOR n IN first .. last LOOP
            leaves := leaves || leaf_hashes[n];
        END LOOP;
        grown := vedtak.grow(follow[i], edges[i], leaves);
        edges[i] := grown.grown;
        roots[i] := grown.root;
        tips[last] := grown.root;
    END LOOP;
    INSERT INTO vedtak.records (tenant, position, stream, version, type, recorded_at, request_id, record, leaf_hash, record_count,
            content_hash, root)
        SELECT r.tenant, r.position, r.stream, r.version, r.type, r.recorded_at, r.request_id,
            CASE
                -- Most have neither a reason nor anything that they rely on. What is no JSON is refused by the cast.
                WHEN convert_from(r.record, 'UTF8')::json IS NOT NULL
                    AND substring(r.record FROM octet_length(r.record) - octet_length(r.says) + 1) = r.says
                THEN r.record
                ELSE vedtak.which_says(r.record, r.position, r."time",
                    substring(convert_from(r.says, 'UTF8') FROM length(',"position":' || r.position || r."time") + 1))
            END,
            r.leaf_hash, r.record_count, r.content_hash, r.root
        FROM (
            SELECT *, convert_to(
                ',"position":' || u.position || u."time" || ',"request_id":"' || u.request_id || '","stream":"' || u.stream
                    || '","tenant":"' || u.tenant || '","type":"' || u.type || '","version":' || u.version || '}',
                'UTF8'
            ) AS says
            FROM (
                SELECT unnest(record_tenants) AS tenant, unnest(positions) AS position, unnest(streams) AS stream,
                    unnest(versions) AS version, unnest(types) AS type, unnest(recorded_at) AS recorded_at,
                    unnest(recorded_at_texts) AS "time", unnest(request_ids) AS request_id, unnest(records) AS record,
                    unnest(leaf_hashes) AS leaf_hash, unnest(record_counts) AS record_count,
                    unnest(content_hashes) AS content_hash, unnest(tips) AS root
            ) AS u
            OFFSET 0
        ) AS r;
    IF EXISTS (
        SELECT FROM (
            SELECT unnest(record_tenants) AS tenant, unnest(positions) AS position, unnest(streams) AS stream, unnest(versions) AS version
        ) AS r
        -- The order keeps this a look-up in the index of streams, also when it is planned while the table is empty; both bounds keep it
        -- to one entry there.
        WHERE r.version > 1 AND (
            SELECT p.version = r.version - 1 AND p.position < r.position FROM vedtak.records p
            WHERE p.stream = r.stream AND p.tenant = r.tenant AND p.version >= r.version - 1 AND p.version < r.version
            ORDER BY p.version DESC LIMIT 1
        ) IS NOT TRUE
    ) THEN
        RAISE EXCEPTION 'a version that does not follow the one before' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    UPDATE vedtak.heads h SET position = t.reach, recorded_at = t.at, root = t.root, edge = t.edge
        FROM unnest(tenants, reach, times, roots, edges) AS t (tenant, reach, at, root, edge)
        WHERE h.tenant = t.tenant AND t.reach > h.position;
END
$$;

RESET ROLE;
