-- Who changed each workflow last, and how?
--
-- One row for each workflow that was created, changed, promoted or deleted in the last 400 days; reading
-- is not a change. Narrow it by source, tenant, namespace or workflow. A condition on dt selects workflows
-- by the date of that last change.
SELECT
  dt,
  event_time,
  source,
  tenant,
  namespace,
  workflow,
  revision,
  activity_name,
  actor_type,
  actor_uid,
  actor_name,
  actor_impersonated_by,
  src_ip,
  event_uid
FROM audit_events
WHERE dt >= DATE_SUB(CURRENT_DATE(), INTERVAL 400 DAY)
  AND category = 'resource_management'
  AND resource_type = 'FLOW'
  AND workflow IS NOT NULL
QUALIFY ROW_NUMBER() OVER (
  PARTITION BY source, tenant, namespace, workflow
  ORDER BY event_time DESC, event_uid DESC
) = 1
ORDER BY event_time DESC, event_uid DESC
