-- Was each date of each source read completely, and how many records did it yield?
--
-- One row for each source and date in the 30 days before today (UTC), from the first date that was read.
-- Narrow it by dt or source, or to dates that are not complete. unread_seconds is the total time that was not read
-- of the date, over all tenants of the source, rounded up; a hole is a window that was tried and could not
-- be read. Complete means neither; `trailhouse status` shows whether the source has more than
-- was read. quarantined counts records that could not become events.
WITH
  digits AS (
    SELECT 0 AS digit UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4
    UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9
  ),
  dates AS (
    SELECT
      DATE_FROM_UNIX_DATE(UNIX_DATE(CURRENT_DATE()) - 1 - 10 * tens.digit - ones.digit) AS dt
    FROM digits AS tens
    CROSS JOIN digits AS ones
    WHERE tens.digit < 3
  ),
  days AS (
    SELECT dt, TIMESTAMP(dt) AS day_from, TIMESTAMP(DATE_ADD(dt, INTERVAL 1 DAY)) AS day_to
    FROM dates
  ),
  feeds AS (
    SELECT source, COUNT(DISTINCT tenant) AS tenants, MIN(window_from) AS covered_from
    FROM audit_coverage
    GROUP BY source
  ),
  read AS (
    SELECT
      days.dt AS dt,
      coverage.source AS source,
      SUM(IF(
        coverage.kind = 'covered',
        TIMESTAMP_DIFF(
          LEAST(coverage.window_to, days.day_to),
          GREATEST(coverage.window_from, days.day_from),
          SECOND
        ),
        0
      )) AS covered_seconds,
      COUNTIF(coverage.kind = 'hole') AS holes
    FROM days
    CROSS JOIN audit_coverage AS coverage
    WHERE coverage.window_from < days.day_to AND coverage.window_to > days.day_from
    GROUP BY dt, source
  ),
  events AS (
    SELECT dt, source, COUNT(*) AS events
    FROM audit_events
    WHERE dt >= DATE_SUB(CURRENT_DATE(), INTERVAL 30 DAY)
    GROUP BY dt, source
  ),
  quarantine AS (
    SELECT dt, source, COUNT(DISTINCT record_uid) AS quarantined
    FROM audit_quarantine
    WHERE dt >= DATE_SUB(CURRENT_DATE(), INTERVAL 30 DAY)
      AND reason != 'changed'
    GROUP BY dt, source
  )
SELECT
  days.dt AS dt,
  feeds.source AS source,
  feeds.tenants AS tenants,
  86400 * feeds.tenants - IFNULL(read.covered_seconds, 0) AS unread_seconds,
  IFNULL(read.holes, 0) AS holes,
  IFNULL(read.covered_seconds, 0) = 86400 * feeds.tenants AND IFNULL(read.holes, 0) = 0 AS complete,
  IFNULL(events.events, 0) AS events,
  IFNULL(quarantine.quarantined, 0) AS quarantined
FROM days
CROSS JOIN feeds
LEFT JOIN read ON read.dt = days.dt AND read.source = feeds.source
LEFT JOIN events ON events.dt = days.dt AND events.source = feeds.source
LEFT JOIN quarantine ON quarantine.dt = days.dt AND quarantine.source = feeds.source
WHERE days.day_to > feeds.covered_from
ORDER BY dt DESC, source
