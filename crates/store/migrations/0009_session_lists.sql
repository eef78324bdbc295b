-- Lists of sessions: the dearest first, and those called last. Only jobs write these rows, every two
-- seconds; no call waits for their indexes.
CREATE INDEX sessions_by_cost ON sessions (cost_nanos);
CREATE INDEX sessions_by_last_call ON sessions (last_ms);
