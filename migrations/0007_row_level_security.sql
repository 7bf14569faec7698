-- Whoever sets no tenant, an empty one, or another one sees and writes nothing, whatever its query forgot.

SET LOCAL ROLE vedtak_owner;

DO $$
DECLARE
    table_name text;
BEGIN
    -- Every table of the schema carries a tenant: a new one that does not fails here.
    FOR table_name IN SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'vedtak'::regnamespace AND c.relkind = 'r' LOOP
        EXECUTE format('ALTER TABLE vedtak.%I ENABLE ROW LEVEL SECURITY', table_name);
        EXECUTE format('ALTER TABLE vedtak.%I FORCE ROW LEVEL SECURITY', table_name);
        EXECUTE format(
            'CREATE POLICY own_tenant ON vedtak.%I USING (tenant = current_setting(''vedtak.tenant'', true))
                 WITH CHECK (tenant = current_setting(''vedtak.tenant'', true))', table_name);
    END LOOP;
END
$$;

-- The projections must know which tenants there are and how far each has come, and nothing more: a function that runs as the owner.
CREATE POLICY owner_sees_heads ON vedtak.heads FOR SELECT TO vedtak_owner USING (true);
CREATE POLICY owner_sees_checkpoints ON vedtak.projection_checkpoints FOR SELECT TO vedtak_owner USING (true);
CREATE POLICY owner_sees_unreadable_streams ON vedtak.unreadable_streams FOR SELECT TO vedtak_owner USING (true);

-- What appends runs as the owner as well, for all tenants of a batch at once; it sees records to find the requests in them.
CREATE POLICY owner_makes_heads ON vedtak.heads FOR INSERT TO vedtak_owner WITH CHECK (true);
CREATE POLICY owner_moves_heads ON vedtak.heads FOR UPDATE TO vedtak_owner USING (true);
CREATE POLICY owner_appends ON vedtak.records FOR INSERT TO vedtak_owner WITH CHECK (true);
CREATE POLICY owner_remembers_requests ON vedtak.unchanged FOR INSERT TO vedtak_owner WITH CHECK (true);
CREATE POLICY owner_finds_requests ON vedtak.records FOR SELECT TO vedtak_owner USING (true);
CREATE POLICY owner_finds_requests ON vedtak.unchanged FOR SELECT TO vedtak_owner USING (true);

CREATE FUNCTION vedtak.lagging(of_projection text)
RETURNS TABLE (tenant text, head bigint, "position" bigint, stopped text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT h.tenant, h.position, coalesce(c.position, 0), c.stopped
    FROM vedtak.heads h
    LEFT JOIN vedtak.projection_checkpoints c ON c.tenant = h.tenant AND c.projection = of_projection
    WHERE h.position > coalesce(c.position, 0)
        OR h.root <> c.known_root AND NOT vedtak.holds(h.tenant, c.known_position, c.known_root)
    ORDER BY h.tenant
$$;

-- How many streams of each tenant a projection cannot read.
CREATE FUNCTION vedtak.unreadable(of_projection text) RETURNS TABLE (tenant text, streams bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT u.tenant, count(*) FROM vedtak.unreadable_streams u WHERE u.projection = of_projection GROUP BY u.tenant ORDER BY u.tenant
$$;

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA vedtak FROM PUBLIC;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA vedtak TO vedtak_service;
GRANT EXECUTE ON FUNCTION vedtak.head, vedtak.read_ledger, vedtak.version_at, vedtak.position_at, vedtak.holds, vedtak.held
    TO vedtak_reader;

RESET ROLE;
