-- Which log-ins failed, for whom and from where, and did one succeed from there on the same date?
--
-- One row for each date, person and address with a failure in the last 90 days. Narrow it by dt, source,
-- actor_name or src_ip, or to many failures, or to successes after failures. A person is an id of the
-- platform, shown with the newest name of that date; a name is the person only where the platform gives no
-- id. A log-in whose outcome the platform does not state is not counted.
SELECT
  dt,
  source,
  tenant,
  actor_uid,
  ANY_VALUE(actor_name HAVING MAX event_time) AS actor_name,
  src_ip,
  COUNTIF(outcome = 'failure' AND activity_name = 'Logon') AS failures,
  COUNTIF(outcome = 'failure' AND activity_name != 'Logon') AS locks,
  MIN(IF(outcome = 'failure', event_time, NULL)) AS first_failure_at,
  MAX(IF(outcome = 'failure', event_time, NULL)) AS last_failure_at,
  COUNTIF(outcome = 'success') AS successes,
  MAX(IF(outcome = 'success', event_time, NULL)) AS last_success_at
FROM audit_events
WHERE dt >= DATE_SUB(CURRENT_DATE(), INTERVAL 90 DAY)
  AND category = 'authentication'
GROUP BY dt, source, tenant, actor_uid, IF(actor_uid IS NULL, actor_name, NULL), src_ip
HAVING COUNTIF(outcome = 'failure') > 0
ORDER BY dt DESC, failures DESC, locks DESC, source, tenant, actor_uid, actor_name, src_ip
