-- What has been read completely from each source, and the holes.
--
-- Made from the columns that the program knows: change those, not this file.
CREATE TABLE audit_coverage (
  source STRING NOT NULL OPTIONS (description = "Id of the configured source"),
  tenant STRING NOT NULL OPTIONS (description = "Tenant, or * for a source read across tenants"),
  kind STRING NOT NULL OPTIONS (description = "covered: read completely; hole: could not be read"),
  window_from TIMESTAMP NOT NULL OPTIONS (description = "First instant inside"),
  window_to TIMESTAMP NOT NULL OPTIONS (description = "First instant after"),
  reason STRING OPTIONS (description = "Why a hole could not be read: a stable code"),
  detail STRING OPTIONS (description = "The same in words; without redaction what the platform said follows"),
  first_seen TIMESTAMP OPTIONS (description = "When the hole was first named"),
  tries INT64 OPTIONS (description = "How often reading the hole was tried")
)
OPTIONS (
  description = "What has been read completely from each source, and the holes"
)
