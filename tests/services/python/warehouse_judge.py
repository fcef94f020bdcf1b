"""Says with Google's own client what a warehouse holds, and does to it what others could do.

    warehouse_judge.py PROJECT LOCATION [URL]

Without URL it is the real service, with the credentials of the environment. Reads one request a line from
stdin and answers each with one line: {"answer": …}, or {"refused": "…"} with the words of the service.
What a warehouse should hold it learns from nobody: it reads the entries of the ledger and the Parquet files
that they name, in a folder that holds the objects of the lake.
"""

import collections
import json
import pathlib
import sys
import time

import google.auth
import pyarrow.parquet
from google.api_core.exceptions import GoogleAPICallError
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from values import plain

TABLES = {"events": "audit_events", "quarantine": "audit_quarantine"}
SHOWN = 5


def connected(project, location, url=None):
    more = {"location": location}
    if url:
        more |= {"credentials": AnonymousCredentials(), "client_options": {"api_endpoint": url}}
    else:
        more |= {"credentials": google.auth.default()[0]}
    return bigquery.Client(project=project, **more)


def files(lake):
    """The files of every ingest entry that no entry of retention has taken since, by table."""
    found = collections.defaultdict(list)
    for sequence, file in named(lake):
        found[file["table"]].append(lake / file["path"])
    return found


def named(lake):
    """The files of a lake by its ledger, each with the sequence of the entry that names it."""
    live = []
    for note in sorted((lake / "ledger/entry").glob("*.note")):
        entry = json.loads(note.read_bytes().split(b"\n", 1)[0])
        body = entry["body"]
        if entry["kind"] == "ingest":
            live += [(entry["sequence"], file) for file in body["files"]]
        if entry["kind"] == "retention":
            live = [one for one in live if not any(takes(part, *one) for part in body["parts"])]
    return live


def takes(part, sequence, file):
    same = all(part.get(of) == file.get(of) for of in ("date", "table", "category", "source"))
    return same and any(span["from"] <= sequence <= span["to"] for span in part["entries"])


class Judge:
    def __init__(self, client):
        self.client = client

    def holds(self, dataset, lake):
        """What differs between the tables and the files of the ledger, row by row and column by column."""
        of_ledger = files(pathlib.Path(lake))
        said = {}
        for table, name in TABLES.items():
            made = self.client.get_table(f"{dataset}.{name}")
            columns = [column.name for column in made.schema]
            wanted = collections.Counter()
            for path in of_ledger[table]:
                # Not as part of a data set, so that nothing is read from its path.
                rows = pyarrow.parquet.ParquetFile(path).read()
                # Columns that the table has and the file has not, or the reverse, are a difference.
                assert rows.column_names == columns, (path, rows.column_names, columns)
                wanted.update(zip(*(column.to_pylist() for column in rows.columns)))
            # Every row has a date, as the table demands that a query names.
            query = f"SELECT {', '.join(columns)} FROM {dataset}.{name} WHERE dt >= '0001-01-01'"
            found = collections.Counter(tuple(row) for row in self.client.query_and_wait(query))
            said[name] = {
                "wanted": wanted.total(),
                "found": found.total(),
                "missing": [str(row)[:300] for row in (wanted - found)][:SHOWN],
                "surplus": [str(row)[:300] for row in (found - wanted)][:SHOWN],
            }
            if "event_uid" in columns:
                at = columns.index("event_uid")
                said[name]["uids"] = len({row[at] for row in found})
        return said

    def lake(self, lake):
        """Names of the data files that the ledger has, and of those that are there."""
        lake = pathlib.Path(lake)
        there = [path for folder in ("events", "quarantine") for path in (lake / folder).rglob("*.parquet")]
        return {
            "named": sorted(file["path"] for _, file in named(lake)),
            "there": sorted(str(path.relative_to(lake)) for path in there),
        }

    def sql(self, sql):
        rows = self.client.query_and_wait(sql)
        return {
            "affected": rows.num_dml_affected_rows,
            "columns": [field.name for field in rows.schema],
            "rows": [[plain(cell) for cell in row] for row in rows],
        }

    def describe(self, dataset):
        """Dataset, tables and views as the service tells them."""
        made = self.client.get_dataset(dataset)
        tables = {}
        for listed in self.client.list_tables(dataset):
            table = self.client.get_table(listed.reference)
            partition = table.time_partitioning
            tables[table.table_id] = {
                "kind": table.table_type,
                "description": table.description,
                "labels": table.labels,
                "partition": partition and [partition.type_, partition.field],
                "expires": partition and partition.expiration_ms,
                "expires_at": plain(table.expires),
                "filter": bool(table.require_partition_filter),
                "clustering": table.clustering_fields or [],
                "columns": [[c.name, c.field_type, c.mode, c.description] for c in table.schema],
                "rows": table.num_rows,
            }
        return {
            "labels": made.labels,
            "location": made.location,
            "description": made.description,
            "tables": tables,
        }

    def drop(self, table):
        self.client.delete_table(table)

    def anew(self, table):
        """Drops a table and makes it again as it was, without its rows."""
        made = self.client.get_table(table)
        self.client.delete_table(table)
        self.client.create_table(self._like(made, table))

    def unlabel(self, table, label):
        made = self.client.get_table(table)
        made.labels = made.labels | {label: None}
        self.client.update_table(made, ["labels"])

    def copy(self, source, target):
        """A table with the shape and the rows of another, as a restored backup has them."""
        self.client.create_table(self._like(self.client.get_table(source), target))
        self.client.query_and_wait(
            f"INSERT INTO {target} SELECT * FROM {source} WHERE dt >= '0001-01-01'"
        )

    def _like(self, made, name):
        table = bigquery.Table(f"{self.client.project}.{name}", schema=made.schema)
        table.time_partitioning = made.time_partitioning
        table.clustering_fields = made.clustering_fields
        table.require_partition_filter = made.require_partition_filter
        table.description, table.labels = made.description, made.labels
        return table

    def loads(self, dataset, table):
        """How many load jobs into a table have ended well, of which files, and how others have not."""
        target = self.client.get_table(f"{dataset}.{table}").reference
        jobs = [job for job in self.client.list_jobs() if job.job_type == "load"]
        ended = [self.client.get_job(job.job_id) for job in jobs if job.destination == target]
        failed = [str(job.error_result) for job in ended if job.error_result]
        uris = sorted(uri for job in ended if not job.error_result for uri in job.source_uris or [])
        return {"well": len(ended) - len(failed), "failed": failed, "uris": uris}

    def forget(self):
        """Makes the service forget every job, as BigQuery does after six months."""
        for job in list(self.client.list_jobs()):
            while not job.done():
                time.sleep(0.05)
            self.client.delete_job_metadata(job.job_id, location=job.location)
        return len(list(self.client.list_jobs()))

    def drop_dataset(self, dataset):
        self.client.delete_dataset(dataset, delete_contents=True, not_found_ok=True)


def main():
    judge = Judge(connected(*sys.argv[1:]))
    for line in sys.stdin:
        asked = json.loads(line)
        act = getattr(judge, asked.pop("do"))
        try:
            answer = {"answer": act(**asked)}
        except GoogleAPICallError as refused:
            answer = {"refused": str(refused)}
        print(json.dumps(answer), flush=True)


main()
