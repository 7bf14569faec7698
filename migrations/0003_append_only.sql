-- Nobody changes what is recorded, not even the owner or a superuser by mistake.

SET LOCAL ROLE vedtak_owner;

CREATE FUNCTION vedtak.refuse_change() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'vedtak.% is append-only: % is refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'insufficient_privilege',
              HINT = 'What is recorded stays recorded. Record a new event that says what holds now.';
END
$$;

CREATE FUNCTION vedtak.refuse_going_back() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the head of a ledger only moves forward' USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TRIGGER records_are_append_only BEFORE UPDATE OR DELETE ON vedtak.records
    FOR EACH ROW EXECUTE FUNCTION vedtak.refuse_change();
CREATE TRIGGER records_are_not_truncated BEFORE TRUNCATE ON vedtak.records
    FOR EACH STATEMENT EXECUTE FUNCTION vedtak.refuse_change();
CREATE TRIGGER unchanged_is_append_only BEFORE UPDATE OR DELETE ON vedtak.unchanged
    FOR EACH ROW EXECUTE FUNCTION vedtak.refuse_change();
CREATE TRIGGER unchanged_is_not_truncated BEFORE TRUNCATE ON vedtak.unchanged
    FOR EACH STATEMENT EXECUTE FUNCTION vedtak.refuse_change();
-- Either it grows, and its time with it, or a time is settled and nothing else changes. The condition stands here and not in the
-- function, which is then only called to refuse: it is part of every append.
CREATE TRIGGER heads_only_move_forward BEFORE UPDATE ON vedtak.heads
    FOR EACH ROW
    WHEN (NEW.tenant <> OLD.tenant OR NEW.settled_at < OLD.settled_at OR NEW.position < OLD.position
        OR (NEW.position > OLD.position AND NEW.recorded_at <= greatest(OLD.recorded_at, OLD.settled_at))
        OR (NEW.position = OLD.position AND (NEW.recorded_at <> OLD.recorded_at OR NEW.settled_at = OLD.settled_at
            OR NEW.root <> OLD.root OR NEW.edge <> OLD.edge)))
    EXECUTE FUNCTION vedtak.refuse_going_back();
CREATE TRIGGER heads_are_not_deleted BEFORE DELETE ON vedtak.heads
    FOR EACH ROW EXECUTE FUNCTION vedtak.refuse_change();
CREATE TRIGGER heads_are_not_truncated BEFORE TRUNCATE ON vedtak.heads
    FOR EACH STATEMENT EXECUTE FUNCTION vedtak.refuse_change();

-- ALWAYS: also in a session that calls itself a replica, which skips ordinary triggers.
ALTER TABLE vedtak.records ENABLE ALWAYS TRIGGER records_are_append_only;
ALTER TABLE vedtak.records ENABLE ALWAYS TRIGGER records_are_not_truncated;
ALTER TABLE vedtak.unchanged ENABLE ALWAYS TRIGGER unchanged_is_append_only;
ALTER TABLE vedtak.unchanged ENABLE ALWAYS TRIGGER unchanged_is_not_truncated;
ALTER TABLE vedtak.heads ENABLE ALWAYS TRIGGER heads_only_move_forward;
ALTER TABLE vedtak.heads ENABLE ALWAYS TRIGGER heads_are_not_deleted;
ALTER TABLE vedtak.heads ENABLE ALWAYS TRIGGER heads_are_not_truncated;

RESET ROLE;
