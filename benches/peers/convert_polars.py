"""The conversion of `benches/convert.rs` with Polars: the same columns, raw text kept, every record
hashed, sorted by time, partitioned by date and category."""

import hashlib
import os
import resource
import shutil
import sys

import polars as pl

source, target = sys.argv[1:]
shutil.rmtree(target, ignore_errors=True)
TEXTS = ["resourceType", "resource", "permission", "id", "namespace", "flowId", "executionId"]
DETAIL = pl.Struct({name: pl.String for name in TEXTS} | {"revision": pl.Int64})
MEMBERS = ["id", "date", "tenantId", "type", "userId", "ipAddress", "impersonatedBy"]
RECORD = pl.Struct({name: pl.String for name in MEMBERS} | {"detail": DETAIL})
NONE = pl.lit(None, pl.String)

action = pl.col("type")
resource_of = pl.col("d").struct.field
rows = (
    pl.read_csv(source, has_header=False, separator="\x01", quote_char=None, schema={"raw": pl.String})
    .lazy()
    .with_columns(record=pl.col("raw").str.json_decode(RECORD))
    .unnest("record")
    .with_columns(
        event_time=pl.col("date").str.to_datetime("%Y-%m-%dT%H:%M:%S%.3fZ", time_unit="us"),
        d=pl.col("detail"),
        detail=pl.col("raw").str.json_path_match("$.detail"),
    )
    .select(
        event_uid=pl.concat_str([pl.lit("kestra-prod/"), pl.col("tenantId"), pl.lit("/"), pl.col("id")]),
        native_id=pl.col("id"),
        dt=pl.col("event_time").dt.date(),
        event_time="event_time",
        event_time_text="date",
        ingested_at=pl.lit(0).cast(pl.Datetime("us")),
        batch_id=pl.lit("batch"),
        platform=pl.lit("kestra"),
        source=pl.lit("kestra-prod"),
        tenant="tenantId",
        category=pl.when(action == "LOGIN")
        .then(pl.lit("authentication"))
        .when(resource_of("resource") == "EXECUTION")
        .then(pl.lit("execution"))
        .when(resource_of("resource") == "SECRET")
        .then(pl.lit("data_access"))
        .otherwise(pl.lit("resource_management")),
        class_uid=pl.lit(6003),
        activity_id=pl.when(action == "CREATE").then(1).otherwise(99),
        activity_name=pl.when(action == "CREATE").then(pl.lit("Create")).otherwise(pl.lit("Other")),
        action=action,
        severity_id=pl.lit(1),
        outcome=pl.when(action == "LOGIN").then(pl.lit("success")).otherwise(pl.lit("unknown")),
        outcome_code=NONE,
        outcome_detail=NONE,
        actor_uid="userId",
        actor_name=NONE,
        actor_email=NONE,
        actor_type=pl.lit("unknown"),
        actor_impersonated_by="impersonatedBy",
        src_ip="ipAddress",
        user_agent=NONE,
        resource_type=pl.coalesce(*[resource_of(name) for name in ("resourceType", "resource", "permission")]),
        resource_uid=resource_of("id"),
        resource_name=NONE,
        namespace=resource_of("namespace"),
        workflow=resource_of("flowId"),
        execution_uid=resource_of("executionId"),
        revision=resource_of("revision").cast(pl.String),
        correlation_uid=NONE,
        region=NONE,
        account=NONE,
        detail="detail",
        raw="raw",
        schema_version=pl.lit(1),
        mapping_version=pl.lit(1),
    )
    .sort("event_time", "event_uid")
    .collect()
)
hashes = [hashlib.sha256(record.encode()).hexdigest() for record in rows["raw"]]
rows = rows.with_columns(record_sha256=pl.Series(hashes))
for (date, category), part in rows.partition_by(["dt", "category"], as_dict=True).items():
    folder = f"{target}/dt={date}/cat={category}"
    os.makedirs(folder)
    part.write_parquet(f"{folder}/0.parquet", compression="zstd", compression_level=1)
used = resource.getrusage(resource.RUSAGE_SELF)
print(f"CPU {used.ru_utime + used.ru_stime:.2f} s, peak {used.ru_maxrss / 1024:.0f} MiB")
