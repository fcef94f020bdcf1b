-- Who granted, changed or revoked rights, and whose?
--
-- One row for each change of users, groups, roles, bindings, policies, invitations and service accounts
-- in the last 90 days; on_self marks people who changed their own account. Narrow it by dt, source,
-- actor_name, resource_type or activity_name. The platform's details are in audit_events, under the
-- same event_uid.
SELECT
  dt,
  event_time,
  source,
  tenant,
  activity_name,
  resource_type,
  resource_uid,
  resource_name,
  IFNULL(resource_uid = actor_uid, FALSE) AS on_self,
  namespace,
  outcome,
  actor_type,
  actor_uid,
  actor_name,
  actor_impersonated_by,
  src_ip,
  event_uid
FROM audit_events
WHERE dt >= DATE_SUB(CURRENT_DATE(), INTERVAL 90 DAY)
  AND category = 'access_control'
ORDER BY event_time DESC, event_uid DESC
