-- What was counted of late, by minute (since 1970) and facet: between the deltas of batches and the rows of
-- minutes, hours and days, into which it moves when its minute is over (records/gather.rs).
CREATE TABLE rollup_gathered (
    minute BIGINT NOT NULL,
    facet  BIGINT NOT NULL,
    counts TEXT   NOT NULL,
    PRIMARY KEY (minute, facet)
);
