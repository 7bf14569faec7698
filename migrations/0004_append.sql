-- The two halves of an append: lock the heads and say what is known, then insert and move the heads. Both in one transaction
-- (READ COMMITTED) of the service, for all tenants of one batch at once.

SET LOCAL ROLE vedtak_owner;

-- Locks the heads of these tenants and answers where they stand, with those of the request ids that were answered before.
-- The tenants come sorted, so that two processes never wait for each other in a circle. `request_ends[i]` is the index in
-- `request_ids` of the last one of `tenants[i]`. The requests are looked up in a statement of its own, after the lock: a single
-- statement would see the snapshot from before it waited. `recorded_at` is the time of what is appended now: read from the one
-- clock that all processes share, after the lock, and later than everything before, whatever that clock does.
CREATE FUNCTION vedtak.open_append(tenants text[], request_ends int[], request_ids uuid[])
RETURNS TABLE (
    tenant text, "position" bigint, recorded_at timestamptz,
    known_ids uuid[], known_hashes bytea[], known_streams text[], known_versions bigint[], known_positions bigint[], known_counts int[]
)
LANGUAGE plpgsql AS $$
DECLARE
    begins int := 1;
    asked  uuid[];
BEGIN
    FOR i IN 1 .. cardinality(tenants) LOOP
        PERFORM set_config('vedtak.tenant', tenants[i], true);
        SELECT h.tenant, h.position, h.recorded_at INTO tenant, "position", recorded_at
            FROM vedtak.heads h WHERE h.tenant = tenants[i] FOR NO KEY UPDATE;
        IF NOT FOUND THEN
            -- The tenant's first command. Another process may be making the same head: then its row is the one.
            INSERT INTO vedtak.heads (tenant) VALUES (tenants[i]) ON CONFLICT DO NOTHING;
            SELECT h.tenant, h.position, h.recorded_at INTO tenant, "position", recorded_at
                FROM vedtak.heads h WHERE h.tenant = tenants[i] FOR NO KEY UPDATE;
        END IF;
        recorded_at := greatest(clock_timestamp(), recorded_at + interval '1 microsecond');
        asked := request_ids[begins : request_ends[i]];
        SELECT array_agg(r.request_id), array_agg(r.content_hash), array_agg(r.stream), array_agg(r.version),
               array_agg(r.position), array_agg(r.record_count)
            INTO known_ids, known_hashes, known_streams, known_versions, known_positions, known_counts
            -- LIMIT keeps this a look-up by key for each id, whatever the planner believes of the table's size.
            FROM unnest(asked) AS id
            CROSS JOIN LATERAL (
                SELECT * FROM vedtak.requests q WHERE q.tenant = tenants[i] AND q.request_id = id LIMIT 1
            ) AS r;
        begins := request_ends[i] + 1;
        RETURN NEXT;
    END LOOP;
END
$$;

-- Inserts the records and requests of these tenants and moves their heads. The arrays hold one tenant after the other;
-- `record_ends[i]` and `request_ends[i]` are the indexes of the last ones of `tenants[i]`.
CREATE FUNCTION vedtak.append(
    tenants text[], record_ends int[], request_ends int[],
    positions bigint[], streams text[], versions bigint[], types text[], times timestamptz[], record_request_ids uuid[],
    records bytea[], leaf_hashes bytea[],
    request_ids uuid[], content_hashes bytea[], request_streams text[], request_versions bigint[], request_positions bigint[],
    record_counts int[]
) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    a int := 1;
    b int;
    c int := 1;
    d int;
BEGIN
    FOR i IN 1 .. cardinality(tenants) LOOP
        b := record_ends[i];
        d := request_ends[i];
        PERFORM set_config('vedtak.tenant', tenants[i], true);
        IF b >= a THEN
            INSERT INTO vedtak.records (tenant, position, stream, version, type, recorded_at, request_id, record, leaf_hash)
                SELECT tenants[i], r.*
                FROM unnest(positions[a:b], streams[a:b], versions[a:b], types[a:b], times[a:b], record_request_ids[a:b],
                            records[a:b], leaf_hashes[a:b]) AS r;
            UPDATE vedtak.heads h SET position = positions[b], recorded_at = times[b]
                WHERE h.tenant = tenants[i] AND h.position = positions[a] - 1;
            IF NOT FOUND THEN
                RAISE EXCEPTION 'the head of % moved while its lock was held', tenants[i];
            END IF;
        END IF;
        IF d >= c THEN
            INSERT INTO vedtak.requests (tenant, request_id, content_hash, stream, version, position, record_count)
                SELECT tenants[i], r.*
                FROM unnest(request_ids[c:d], content_hashes[c:d], request_streams[c:d], request_versions[c:d],
                            request_positions[c:d], record_counts[c:d]) AS r;
        END IF;
        a := b + 1;
        c := d + 1;
    END LOOP;
END
$$;

RESET ROLE;
