-- What started how many executions of each workflow: a person, a service account, or a trigger?
--
-- One row for each date, workflow and trigger in the last 30 days. Narrow it by dt, source, namespace,
-- workflow or started_by. started_by is user, service, system (the platform itself, for a schedule or
-- another trigger) or unknown; trigger_id is the trigger's name where the platform records it.
SELECT
  dt,
  source,
  tenant,
  namespace,
  workflow,
  actor_type AS started_by,
  JSON_VALUE(detail, '$.triggerId') AS trigger_id,
  COUNT(*) AS executions,
  COUNT(DISTINCT actor_uid) AS actors,
  MIN(event_time) AS first_at,
  MAX(event_time) AS last_at
FROM audit_events
WHERE dt >= DATE_SUB(CURRENT_DATE(), INTERVAL 30 DAY)
  AND category = 'execution'
  AND activity_name = 'Create'
GROUP BY dt, source, tenant, namespace, workflow, started_by, trigger_id
ORDER BY dt DESC, executions DESC, source, tenant, namespace, workflow, started_by, trigger_id
