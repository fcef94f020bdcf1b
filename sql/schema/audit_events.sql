-- Audit events, one row each: who did what, when, from where, with what outcome.
--
-- Made from the columns that the program knows: change those, not this file.
CREATE TABLE audit_events (
  event_uid STRING NOT NULL OPTIONS (description = "Unique name of the event: source, tenant and native id"),
  native_id STRING OPTIONS (description = "Id of the record on its platform"),
  dt DATE NOT NULL OPTIONS (description = "UTC date of event_time; the partition"),
  event_time TIMESTAMP NOT NULL OPTIONS (description = "When it happened, in UTC, cut to microseconds"),
  event_time_text STRING NOT NULL OPTIONS (description = "The time exactly as the platform wrote it"),
  ingested_at TIMESTAMP NOT NULL OPTIONS (description = "The run's now when the record was read"),
  batch_id STRING NOT NULL OPTIONS (description = "The ledger batch that added the row"),
  platform STRING NOT NULL OPTIONS (description = "Platform that produced the record, such as kestra"),
  source STRING NOT NULL OPTIONS (description = "Id of the configured source the record was read from"),
  tenant STRING OPTIONS (description = "Tenant the record belongs to on its platform"),
  category STRING NOT NULL OPTIONS (description = "authentication, access_control, resource_management, execution, data_access, system_configuration or other"),
  class_uid INT64 NOT NULL OPTIONS (description = "OCSF class"),
  activity_id INT64 NOT NULL OPTIONS (description = "OCSF activity within the class: 0 unknown, 99 other"),
  activity_name STRING NOT NULL OPTIONS (description = "OCSF name of the activity"),
  action STRING OPTIONS (description = "The platform's own name of the action, verbatim"),
  severity_id INT64 NOT NULL OPTIONS (description = "OCSF severity: 1 informational to 6 fatal, 0 unknown"),
  outcome STRING NOT NULL OPTIONS (description = "success, failure or unknown; never inferred from silence"),
  outcome_code STRING OPTIONS (description = "The platform's code for the outcome"),
  outcome_detail STRING OPTIONS (description = "The platform's text about the outcome"),
  actor_uid STRING OPTIONS (description = "Id of who acted, on the platform"),
  actor_name STRING OPTIONS (description = "Name of who acted, as known when the record was read"),
  actor_email STRING OPTIONS (description = "Email of who acted, as known when the record was read"),
  actor_type STRING NOT NULL OPTIONS (description = "user, service, system or unknown"),
  actor_impersonated_by STRING OPTIONS (description = "Id of who acted in the actor's name"),
  src_ip STRING OPTIONS (description = "Where the request came from, as written; not always an address"),
  user_agent STRING OPTIONS (description = "Client software"),
  resource_type STRING OPTIONS (description = "Kind of thing acted upon, verbatim"),
  resource_uid STRING OPTIONS (description = "Id of the thing acted upon"),
  resource_name STRING OPTIONS (description = "Name of the thing acted upon"),
  namespace STRING OPTIONS (description = "Namespace, folder or project of the thing acted upon"),
  workflow STRING OPTIONS (description = "Flow, DAG, process, state machine or pipeline"),
  execution_uid STRING OPTIONS (description = "Run of the workflow"),
  revision STRING OPTIONS (description = "Revision of the workflow, as written"),
  correlation_uid STRING OPTIONS (description = "What the platform uses to tie records together"),
  region STRING OPTIONS (description = "Cloud region"),
  account STRING OPTIONS (description = "Cloud account, project or subscription"),
  detail STRING OPTIONS (description = "The platform's detail object, verbatim JSON text"),
  raw STRING NOT NULL OPTIONS (description = "The record as kept: exact bytes as served unless redaction was configured"),
  schema_version INT64 NOT NULL OPTIONS (description = "Version of this schema"),
  mapping_version INT64 NOT NULL OPTIONS (description = "Version of the rules that made the columns from raw")
)
PARTITION BY dt
CLUSTER BY category, source, actor_name, resource_type
OPTIONS (
  description = "Audit events, one row each: who did what, when, from where, with what outcome",
  require_partition_filter = TRUE
)
