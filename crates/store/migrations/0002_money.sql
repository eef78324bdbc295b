-- Budgets, leases and the books. One text for both engines; money is nano-USD in BIGINT.

-- Who may spend how much in which window. `grants` counts up with each grant of a lease: touching it
-- is what locks a budget, in both engines alike.
CREATE TABLE budgets (
    id            TEXT   NOT NULL PRIMARY KEY,
    subject_kind  TEXT   NOT NULL,
    subject_value TEXT   NOT NULL,
    workspace_id  TEXT,
    limit_nanos   BIGINT NOT NULL,
    time_window   TEXT   NOT NULL,
    enforcement   TEXT   NOT NULL,
    counts_byok   BIGINT NOT NULL,
    enabled       BIGINT NOT NULL,
    grants        BIGINT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT
);

-- One counter per budget and piece of time. `opening_nanos` is what its subject had spent in that
-- piece before the counter was opened. The invariant, but for overage that has its own entries:
-- limit >= opening + posted + leased.
CREATE TABLE budget_windows (
    budget_id     TEXT   NOT NULL,
    window_kind   TEXT   NOT NULL,
    window_start  BIGINT NOT NULL,
    opening_nanos BIGINT NOT NULL,
    posted_nanos  BIGINT NOT NULL,
    leased_nanos  BIGINT NOT NULL,
    PRIMARY KEY (budget_id, window_kind, window_start)
);

-- What each node may still spend or has spent and not folded; `leased_nanos` is their sum.
CREATE TABLE leases (
    node_id      TEXT   NOT NULL,
    budget_id    TEXT   NOT NULL,
    window_kind  TEXT   NOT NULL,
    window_start BIGINT NOT NULL,
    amount_nanos BIGINT NOT NULL,
    PRIMARY KEY (node_id, budget_id, window_kind, window_start)
);

-- One row per call and budget window: what was held, what it took out of its node's lease, and what
-- it cost. What was held and not spent was released.
CREATE TABLE generation_budgets (
    generation_id TEXT   NOT NULL,
    budget_id     TEXT   NOT NULL,
    window_kind   TEXT   NOT NULL,
    window_start  BIGINT NOT NULL,
    held_nanos    BIGINT NOT NULL,
    drawn_nanos   BIGINT NOT NULL,
    cost_nanos    BIGINT NOT NULL,
    PRIMARY KEY (generation_id, budget_id, window_kind, window_start)
);

-- Double entry, append-only. The debited account grows, the credited one shrinks.
CREATE TABLE entries (
    id            TEXT   NOT NULL PRIMARY KEY,
    generation_id TEXT,
    debit         TEXT   NOT NULL,
    credit        TEXT   NOT NULL,
    amount_nanos  BIGINT NOT NULL,
    kind          TEXT   NOT NULL,
    at_ms         BIGINT NOT NULL
);

-- Few of them are no charges, and `GET /credits` reads those.
CREATE INDEX entries_beside_charges ON entries (kind) WHERE kind IN ('grant', 'purchase', 'refund');

-- The sums of the entries by account.
CREATE TABLE balances (
    account        TEXT   NOT NULL PRIMARY KEY,
    debited_nanos  BIGINT NOT NULL,
    credited_nanos BIGINT NOT NULL
);

-- What was spent before there were books..
INSERT INTO entries (id, generation_id, debit, credit, amount_nanos, kind, at_ms)
SELECT id || ':charge:usage', id, 'usage', 'workspace:' || workspace_id, cost_nanos, 'charge',
       created_at_ms
FROM generations WHERE cost_nanos > 0;

INSERT INTO balances (account, debited_nanos, credited_nanos)
SELECT debit, SUM(amount_nanos), 0 FROM entries GROUP BY debit;

INSERT INTO balances (account, debited_nanos, credited_nanos)
SELECT credit, 0, SUM(amount_nanos) FROM entries GROUP BY credit;

-- The limits that keys already have.
INSERT INTO budgets (id, subject_kind, subject_value, workspace_id, limit_nanos, time_window,
                     enforcement, counts_byok, enabled, grants, created_at_ms, updated_at_ms)
SELECT 'key:' || hash, 'key', hash, NULL, limit_nanos, COALESCE(limit_reset, 'lifetime'),
       'hard', include_byok_in_limit, 1, 0, created_at_ms, NULL
FROM keys WHERE limit_nanos IS NOT NULL;
