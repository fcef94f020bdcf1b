"""Starts local-bigquery on loopback, on ports that are free, and prints the address of its REST interface.

    local_bigquery_server.py DATA GCS

DATA is an empty folder for what it stores. `gs://bucket/name` is the file GCS/bucket/name.

The emulator is what its package says, but for six things that would make tests lie or leave the machine:

* Extensions of DuckDB come from their packages and lie beside the environment. One that is missing is an
  error; the emulator would fetch it from the network.
* It takes BYTES of a Parquet file for base64, which is how CSV and JSON write them, and refuses every load
  with an explicit schema that has such a column. BigQuery loads the bytes as they are.
* A load that replaces the rows of a table leaves none of its columns REQUIRED, whatever its schema says.
  BigQuery takes what the schema says.
* The number of rows that it tells of a table counts deleted ones too.
* Of two requests at once that start one job, one is refused for a reason of the emulator's own. BigQuery
  tells it that the job exists.
* Two loads at once that replace the rows of a table may both fail. BigQuery does one after the other.
"""

import collections
import fcntl
import os
import sys
import threading
from pathlib import Path

import duckdb
from duckdb_extensions import import_extension

# `icu` for time zones, `ducklake` for the catalog, `spatial` for the functions made at start.
EXTENSIONS = ("icu", "ducklake", "spatial")
FOLDER = Path(sys.prefix) / "extensions"


def import_extensions(connect):
    """Copies the extensions to where DuckDB looks for them, unless an earlier start did so."""
    FOLDER.mkdir(exist_ok=True)
    with open(FOLDER / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        complete = FOLDER / "complete"
        if not complete.exists():
            connection = connect()
            for name in EXTENSIONS:
                import_extension(name, con=connection)
            connection.close()
            complete.touch()


def confined(connect):
    """DuckDB's `connect` with extensions from our folder and from nowhere else."""
    bounds = {"extension_directory": str(FOLDER), "autoinstall_known_extensions": "false"}
    return lambda *given, config=None, **more: connect(
        *given, config=bounds | (config or {}), **more
    )


def without_base64(project):
    """The projection of a load, with the bytes of Parquet files as they are."""

    def projection(config, fields, columns):
        projected, bad = project(config, fields, columns)
        if config.sourceFormat == "PARQUET":
            projected = projected.replace("from_base64(", "(")
        return projected, bad

    return projection


def keeping_columns(run):
    """A load that replaces rows, one at a time for a table, with its columns left alone if they are those
    of the load."""
    alone = collections.defaultdict(threading.Lock)

    def loaded(cursor, config, upload):
        target = tables.reference(config.destinationTable)
        given = [field.name for field in (config.schema_ and config.schema_.fields) or []]
        replaces = (config.writeDisposition or "").startswith("WRITE_TRUNCATE")
        if not (replaces and tables.exists(*target)) or given != [
            column.name for column in tables.columns(*target)
        ]:
            return run(cursor, config, upload)
        with alone[target]:
            cursor.begin()
            try:
                cursor.execute(f"DELETE FROM {tables.name(*target)}")
                statistics = run(cursor, config.replace(writeDisposition="WRITE_APPEND"), upload)
                cursor.commit()
            except Exception:
                cursor.rollback()
                raise
        return statistics

    return loaded


def one_at_a_time(act):
    """The same, but nobody can come between its look and what it then does."""
    lock = threading.Lock()

    def acted(*given, **more):
        with lock:
            return act(*given, **more)

    return acted


def counted(lookup):
    """What kind of table there is, and how many rows it has."""

    def found(*table):
        kind = lookup(*table)
        if kind and kind[0] == "TABLE":
            return "TABLE", database.fetch(f"SELECT count(*) FROM {tables.name(*table)}")[0][0]
        return kind

    return found


duckdb.connect = confined(duckdb.connect)
import_extensions(duckdb.connect)
data, gcs = sys.argv[1:]
# Read when the package is imported; the second would be asked instead of the folder.
os.environ["GCS_LOCAL_ROOT"] = gcs
os.environ.pop("STORAGE_EMULATOR_HOST", None)

from local_bigquery import cli  # noqa: E402
from local_bigquery.catalog import tables  # noqa: E402
from local_bigquery.engine import database  # noqa: E402
from local_bigquery.jobs import load, runner  # noqa: E402

load._projection = without_base64(load._projection)
runner.HANDLERS["load"] = keeping_columns(runner.HANDLERS["load"])
runner.submit = one_at_a_time(runner.submit)
tables._lookup = counted(tables._lookup)
cli.main(["--host", "127.0.0.1", "--port", "0", "--grpc-port", "0", "--data-dir", data])
