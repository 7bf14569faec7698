-- What rests on something that another stream says: the records of some streams that hold a text.

SET LOCAL ROLE vedtak_owner;

-- The records of streams up to a position that hold these bytes, by position, so many at the most. Each stream is looked through once in the
-- order of its index; what does not hold them is not sent.
CREATE FUNCTION vedtak.records_holding(of_tenant text, of_streams text[], part bytea, up_to bigint, at_most bigint)
RETURNS TABLE ("position" bigint, stream text, version bigint, type text, recorded_at timestamptz, record bytea, leaf_hash bytea)
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('vedtak.tenant', of_tenant, true);
    RETURN QUERY
        SELECT r.position, r.stream, r.version, r.type, r.recorded_at, r.record, r.leaf_hash
        FROM unnest(of_streams) AS s (stream)
        JOIN vedtak.records r ON r.tenant = of_tenant AND r.stream = s.stream
        WHERE r.position <= up_to AND position(part IN r.record) > 0
        ORDER BY r.position LIMIT at_most;
END
$$;

REVOKE EXECUTE ON FUNCTION vedtak.records_holding FROM PUBLIC;
GRANT EXECUTE ON FUNCTION vedtak.records_holding TO vedtak_service;

RESET ROLE;
