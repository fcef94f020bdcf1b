-- What each ledger entry read and kept: the numbers behind audit_events.
--
-- Made from the columns that the program knows: change those, not this file.
CREATE TABLE audit_batches (
  batch_id STRING NOT NULL OPTIONS (description = "Id that the rows of the batch carry"),
  sequence INT64 NOT NULL OPTIONS (description = "Number of the ledger entry that added the batch"),
  run_id STRING NOT NULL OPTIONS (description = "Run that wrote the entry"),
  source STRING NOT NULL OPTIONS (description = "Id of the configured source"),
  written_at TIMESTAMP NOT NULL OPTIONS (description = "When the entry was written, in UTC"),
  returned INT64 NOT NULL OPTIONS (description = "Records that the source returned"),
  source_duplicates INT64 NOT NULL OPTIONS (description = "Of these, repetitions within what the source returned at once"),
  known INT64 NOT NULL OPTIONS (description = "Of these, records that the lake held already"),
  added INT64 NOT NULL OPTIONS (description = "Of these, new rows of audit_events"),
  quarantined INT64 NOT NULL OPTIONS (description = "Of these, new records in audit_quarantine"),
  expired INT64 OPTIONS (description = "Of these, records of what was deleted by rule, which are not kept"),
  late INT64 NOT NULL OPTIONS (description = "Of the added and quarantined, those that appeared after their instant was covered"),
  changed INT64 NOT NULL OPTIONS (description = "Of the known, those whose content had a value changed or gone for the first time"),
  drifted INT64 NOT NULL OPTIONS (description = "Of the known, those that only gained fields"),
  files INT64 NOT NULL OPTIONS (description = "Files that the entry added"),
  bytes INT64 NOT NULL OPTIONS (description = "Size of these files in bytes")
)
OPTIONS (
  description = "What each ledger entry read and kept: the numbers behind audit_events"
)
