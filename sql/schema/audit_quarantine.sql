-- Audit records that could not become events, and other readings of known ones, byte for byte.
--
-- Made from the columns that the program knows: change those, not this file.
CREATE TABLE audit_quarantine (
  record_uid STRING NOT NULL OPTIONS (description = "Unique name: source and the SHA-256 of the bytes"),
  native_id STRING OPTIONS (description = "Id of the record on its platform, where it could be read"),
  dt DATE NOT NULL OPTIONS (description = "UTC date of the record, or of the slice it was read in"),
  event_time TIMESTAMP OPTIONS (description = "When it happened, where it could be read"),
  slice_from TIMESTAMP NOT NULL OPTIONS (description = "Start of the slice the record was read in"),
  slice_to TIMESTAMP NOT NULL OPTIONS (description = "End of the slice the record was read in, exclusive"),
  ingested_at TIMESTAMP NOT NULL OPTIONS (description = "The run's now when the record was read"),
  batch_id STRING NOT NULL OPTIONS (description = "The ledger batch that added the row"),
  platform STRING NOT NULL OPTIONS (description = "Platform that produced the record"),
  source STRING NOT NULL OPTIONS (description = "Id of the configured source"),
  tenant STRING OPTIONS (description = "Tenant the record was read from"),
  reason STRING NOT NULL OPTIONS (description = "Why it could not become an event: a stable code"),
  reason_detail STRING OPTIONS (description = "The same in words, without content of the record"),
  record_sha256 STRING NOT NULL OPTIONS (description = "SHA-256 of all bytes of the record, hexadecimal"),
  record_bytes INT64 NOT NULL OPTIONS (description = "Size of the whole record in bytes"),
  part INT64 NOT NULL OPTIONS (description = "Which part of the record this row holds, from 0"),
  parts INT64 NOT NULL OPTIONS (description = "How many parts the record was kept in"),
  content BYTES NOT NULL OPTIONS (description = "The bytes of this part, exactly as served"),
  schema_version INT64 NOT NULL OPTIONS (description = "Version of this schema"),
  mapping_version INT64 NOT NULL OPTIONS (description = "Version of the rules that refused the record")
)
PARTITION BY dt
OPTIONS (
  description = "Audit records that could not become events, and other readings of known ones, byte for byte",
  require_partition_filter = TRUE
)
