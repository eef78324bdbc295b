-- What a call did in its budget windows stands in its own row, as one text (posting.rs): written with
-- the row, and never again. The table of a row per call and window cost a fifth of a call.

ALTER TABLE generations ADD COLUMN postings TEXT;

UPDATE generations SET postings = (
    SELECT '["",[' || string_agg(
        '["' || replace(replace(b.budget_id, '\', '\\'), '"', '\"') || '","' || b.window_kind || ':'
        || CAST(b.window_start AS TEXT) || '",' || CAST(b.held_nanos AS TEXT) || ','
        || CAST(b.drawn_nanos AS TEXT) || ']', ',') || ']]'
    FROM generation_budgets b WHERE b.generation_id = generations.id)
WHERE id IN (SELECT generation_id FROM generation_budgets);

DROP TABLE generation_budgets;

-- Fees count in a balance as grants and refunds do.
DROP INDEX entries_beside_charges;

CREATE INDEX entries_beside_charges ON entries (kind)
WHERE kind IN ('grant', 'purchase', 'refund', 'fee');

-- What overage there is, is walked through by `ledger verify`.
CREATE INDEX entries_of_overage ON entries (id) WHERE kind = 'overage';
