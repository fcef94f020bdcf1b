-- What did each person create, change and delete lately?
--
-- One row for each date, person and kind of thing in the last 30 days. Narrow it by dt, source, actor_name
-- or resource_type. A person is an id of the platform, shown with the newest name of that date; a name is
-- the person only where the platform gives no id. Reading, executions, the platform itself and service
-- accounts are left out; people who were deleted from the platform are not.
SELECT
  dt,
  source,
  tenant,
  actor_uid,
  ANY_VALUE(actor_name HAVING MAX event_time) AS actor_name,
  actor_impersonated_by,
  category,
  resource_type,
  COUNTIF(activity_name IN ('Create', 'Assign Privileges')) AS created,
  COUNTIF(activity_name = 'Update') AS updated,
  COUNTIF(activity_name IN ('Delete', 'Revoke Privileges')) AS deleted,
  COUNT(*) AS changes,
  COUNT(DISTINCT resource_uid) AS things,
  MIN(event_time) AS first_at,
  MAX(event_time) AS last_at
FROM audit_events
WHERE dt >= DATE_SUB(CURRENT_DATE(), INTERVAL 30 DAY)
  AND category NOT IN ('authentication', 'execution')
  AND activity_name != 'Read'
  AND actor_type IN ('user', 'unknown')
GROUP BY
  dt, source, tenant, actor_uid, IF(actor_uid IS NULL, actor_name, NULL), actor_impersonated_by,
  category, resource_type
ORDER BY
  dt DESC, changes DESC, source, tenant, actor_uid, actor_name, actor_impersonated_by, category,
  resource_type
