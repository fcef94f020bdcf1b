"""Loads a lake into BigQuery with Google's own client, and prints what its views then answer.

    bigquery_answers.py URL < {"tables": {"audit_events": {"ddl": "CREATE TABLE …",
                                                           "files": ["gs://…", …]},
                                          "audit_batches": {"ddl": "…", "rows": [{…}, …]}, …},
                               "views": {"failed_logins": "SELECT …", …},
                               "refused": ["SELECT …", …]}

The tables are made by their DDL. Files are loaded by one job for each table, as a loader of the real
service has to: exact names, explicit schema, rows added to a table that exists. Rows replace those of
their table, and do so twice, as at each run. Views are made with the names of tables qualified. The answer
is one JSON object:

    {"tables": {"audit_events": {"columns": [["dt", "DATE", "REQUIRED", "UTC date …"], …],
                                 "partition": "dt", "filter": true, "clustering": ["category", …],
                                 "description": "Audit events …", "loaded": 5, "counted": 5,
                                 "rows": [[…], …]}, …},
     "views": {"failed_logins": {"columns": ["dt", …], "rows": [[…], …]}, …}}

Instants are RFC 3339 in UTC with as many digits as they need in threes, bytes are base64. A statement of
`refused` that the service takes ends the script with a message.
"""

import json
import re
import sys

from google.api_core.exceptions import BadRequest
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from values import plain

PROJECT, DATASET = "acme-audit", "audit"
FILES = {"source_format": "PARQUET", "write_disposition": "WRITE_APPEND"}
ROWS = {"source_format": "NEWLINE_DELIMITED_JSON", "write_disposition": "WRITE_TRUNCATE"}


def loading(how, schema):
    return bigquery.LoadJobConfig(**how, schema=schema, create_disposition="CREATE_NEVER")


def main():
    asked = json.load(sys.stdin)
    client = bigquery.Client(
        project=PROJECT,
        credentials=AnonymousCredentials(),
        client_options={"api_endpoint": sys.argv[1]},
        default_query_job_config=bigquery.QueryJobConfig(default_dataset=f"{PROJECT}.{DATASET}"),
    )
    client.create_dataset(DATASET)

    def rows(sql):
        found = client.query_and_wait(sql)
        names = [field.name for field in found.schema]
        return {"columns": names, "rows": [[plain(cell) for cell in row] for row in found]}

    tables = {}
    for name, table in asked["tables"].items():
        client.query_and_wait(table["ddl"])
        made = client.get_table(f"{DATASET}.{name}")
        if files := table.get("files"):
            job = client.load_table_from_uri(files, made, job_config=loading(FILES, made.schema))
            loaded = job.result().output_rows
        else:
            for _ in range(2):
                job = client.load_table_from_json(
                    table["rows"], made, job_config=loading(ROWS, made.schema)
                )
                loaded = job.result().output_rows
        # A load must leave the table as it was.
        made = client.get_table(f"{DATASET}.{name}")
        columns = [
            [column.name, column.field_type, column.mode, column.description]
            for column in made.schema
        ]
        partition = made.time_partitioning and made.time_partitioning.field
        dated = " WHERE dt >= '2000-01-01'" if partition else ""
        tables[name] = {
            "columns": columns,
            "partition": partition,
            "filter": bool(made.require_partition_filter),
            "clustering": made.clustering_fields or [],
            "description": made.description,
            "loaded": loaded,
            "counted": made.num_rows,
            "rows": rows(f"SELECT * FROM {name}{dated}")["rows"],
        }
    for sql in asked["refused"]:
        try:
            client.query_and_wait(sql)
        except BadRequest:
            continue
        sys.exit(f"not refused: {sql}")
    known = re.compile(rf"\b({'|'.join(asked['tables'])})\b")
    views = {}
    for name, sql in asked["views"].items():
        view = bigquery.Table(f"{PROJECT}.{DATASET}.{name}")
        view.view_query = known.sub(rf"`{PROJECT}.{DATASET}.\1`", sql)
        client.create_table(view)
        views[name] = rows(f"SELECT * FROM {name}")
    json.dump({"tables": tables, "views": views}, sys.stdout)


main()
