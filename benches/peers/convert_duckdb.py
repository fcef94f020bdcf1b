"""The conversion of `benches/convert.rs` with DuckDB: the same columns, raw text kept, every record
hashed, sorted by time, partitioned by date and category."""

import resource
import shutil
import sys

import duckdb

source, target = sys.argv[1:]
shutil.rmtree(target, ignore_errors=True)
RECORD = """{"id":"VARCHAR","date":"VARCHAR","tenantId":"VARCHAR","type":"VARCHAR","userId":"VARCHAR",
 "ipAddress":"VARCHAR","impersonatedBy":"VARCHAR","detail":"JSON"}"""
DETAIL = """{"resourceType":"VARCHAR","resource":"VARCHAR","permission":"VARCHAR","id":"VARCHAR",
 "namespace":"VARCHAR","flowId":"VARCHAR","executionId":"VARCHAR","revision":"VARCHAR"}"""
connection = duckdb.connect()
connection.execute("SET preserve_insertion_order = false")
connection.execute(f"""
COPY (
  SELECT 'kestra-prod/' || tenant || '/' || r.id AS event_uid, r.id AS native_id,
    CAST(t AS DATE) AS dt, t AS event_time, r.date AS event_time_text,
    TIMESTAMP '1970-01-01' AS ingested_at, 'batch' AS batch_id, 'kestra' AS platform,
    'kestra-prod' AS source, tenant, cat AS category, cat, 6003::BIGINT AS class_uid,
    CASE r."type" WHEN 'CREATE' THEN 1 WHEN 'READ' THEN 2 WHEN 'UPDATE' THEN 3 ELSE 99 END::BIGINT AS activity_id,
    CASE r."type" WHEN 'CREATE' THEN 'Create' WHEN 'READ' THEN 'Read' WHEN 'UPDATE' THEN 'Update' ELSE 'Logon' END
      AS activity_name,
    r."type" AS action, 1::BIGINT AS severity_id,
    CASE r."type" WHEN 'LOGIN' THEN 'success' ELSE 'unknown' END AS outcome,
    NULL::VARCHAR AS outcome_code, NULL::VARCHAR AS outcome_detail, r.userId AS actor_uid,
    NULL::VARCHAR AS actor_name, NULL::VARCHAR AS actor_email, 'unknown' AS actor_type,
    r.impersonatedBy AS actor_impersonated_by, r.ipAddress AS src_ip, NULL::VARCHAR AS user_agent,
    coalesce(d.resourceType, d.resource, d.permission) AS resource_type, d.id AS resource_uid,
    NULL::VARCHAR AS resource_name, d.namespace, d.flowId AS workflow, d.executionId AS execution_uid, d.revision,
    NULL::VARCHAR AS correlation_uid, NULL::VARCHAR AS region, NULL::VARCHAR AS account,
    r.detail::VARCHAR AS detail, raw, 1::BIGINT AS schema_version, 1::BIGINT AS mapping_version,
    sha256(raw) AS record_sha256
  FROM (
    SELECT raw, r, CAST(r.date AS TIMESTAMP) AS t, coalesce(r.tenantId, '') AS tenant,
      json_transform(r.detail, '{DETAIL}') AS d,
      CASE WHEN r."type" = 'LOGIN' THEN 'authentication'
        WHEN r.detail->>'resource' = 'EXECUTION' THEN 'execution'
        WHEN r.detail->>'resource' = 'SECRET' THEN 'data_access'
        ELSE 'resource_management' END AS cat
    FROM (
      SELECT raw, json_transform(raw, '{RECORD}') AS r
      FROM read_csv('{source}', columns = {{'raw': 'VARCHAR'}}, delim = chr(1), quote = '', escape = '',
        header = false, auto_detect = false)
    )
  ) ORDER BY event_time, event_uid
) TO '{target}' (FORMAT parquet, PARTITION_BY (dt, cat), COMPRESSION zstd, ROW_GROUP_SIZE 122880)
""")
used = resource.getrusage(resource.RUSAGE_SELF)
print(f"CPU {used.ru_utime + used.ru_stime:.2f} s, peak {used.ru_maxrss / 1024:.0f} MiB")
