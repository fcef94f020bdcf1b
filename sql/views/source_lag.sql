-- How far has each source been read, how long ago was that, and what could not be read?
--
-- One row for each source and tenant; a tenant of * is all tenants read at once. Narrow it by source, or to
-- a lag that is too long. The time read is from covered_from to covered_to, without interruption if
-- windows is 1. The newest event is searched for in the last 30 days.
SELECT
  coverage.source AS source,
  coverage.tenant AS tenant,
  coverage.covered_from AS covered_from,
  coverage.covered_to AS covered_to,
  TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), coverage.covered_to, MINUTE) AS lag_minutes,
  coverage.windows AS windows,
  coverage.holes AS holes,
  coverage.oldest_hole AS oldest_hole,
  batches.last_batch_at AS last_batch_at,
  events.newest_event_at AS newest_event_at
FROM (
  SELECT
    source,
    tenant,
    MIN(IF(kind = 'covered', window_from, NULL)) AS covered_from,
    MAX(IF(kind = 'covered', window_to, NULL)) AS covered_to,
    COUNTIF(kind = 'covered') AS windows,
    COUNTIF(kind = 'hole') AS holes,
    MIN(first_seen) AS oldest_hole
  FROM audit_coverage
  GROUP BY source, tenant
) AS coverage
LEFT JOIN (
  SELECT source, MAX(written_at) AS last_batch_at
  FROM audit_batches
  GROUP BY source
) AS batches
ON batches.source = coverage.source
LEFT JOIN (
  SELECT source, MAX(event_time) AS newest_event_at
  FROM audit_events
  WHERE dt >= DATE_SUB(CURRENT_DATE(), INTERVAL 30 DAY)
  GROUP BY source
) AS events
ON events.source = coverage.source
ORDER BY lag_minutes DESC, source, tenant
