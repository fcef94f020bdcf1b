"""Reads a folder of the lake with PyArrow, Polars and DuckDB and prints what each of them found.

    read_lake.py FOLDER

FOLDER is anything below which Parquet files lie in `key=value` folders: a whole table (`events`)
or one date of it (`events/date=2026-11-23`). The answer is one JSON object:

    {"columns": ["event_uid", ...],         the columns of the files, in stored order
     "readers": {"pyarrow": {"rows": 5,     how many rows the reader returned
                             "sha256": "…", over all their values, see `digest`
                             "keys": [...]  what it read from the path, beside the columns
                            }, ...}}

Readers that agree on `rows` and `sha256` have read the same values. A reader that refuses the
folder, loses a column, or gives one a type of another kind ends the script with a message.
"""

import hashlib
import json
import sys
from pathlib import Path

import duckdb
import polars
import pyarrow
import pyarrow.compute
import pyarrow.parquet

# Rows are turned into Python values this many at a time.
BATCH = 8192


def pyarrow_table(folder):
    return pyarrow.parquet.read_table(folder)


def polars_table(folder, hive):
    frame = polars.scan_parquet(f"{folder}/**/*.parquet", hive_partitioning=hive).collect()
    return frame.to_arrow(compat_level=polars.CompatLevel.oldest())


def duckdb_table(folder, hive):
    files = f"{folder}/**/*.parquet"
    return duckdb.connect().read_parquet(files, hive_partitioning=hive).to_arrow_table()


READERS = {
    "pyarrow": pyarrow_table,
    "polars": lambda folder: polars_table(folder, hive=False),
    "polars with hive keys": lambda folder: polars_table(folder, hive=True),
    "duckdb": lambda folder: duckdb_table(folder, hive=False),
    "duckdb with hive keys": lambda folder: duckdb_table(folder, hive=True),
}


def plain(name, column, stored):
    """The column in a type that Python values can be compared in.

    Readers may use another width or layout of the stored type, but not another kind: a date that
    comes as text, or a time without a zone, would be another value.
    """
    kind = pyarrow.types
    found = column.type
    if kind.is_timestamp(stored):
        same = kind.is_timestamp(found) and (found.tz is None) == (stored.tz is None)
        # The zone is how a time is shown; the value is a count of microseconds since 1970 in UTC.
        target = pyarrow.timestamp("us", tz=found.tz if same else None)
        column = column.cast(target).cast(pyarrow.int64()) if same else column
    elif kind.is_date(stored):
        same = kind.is_date(found)
        column = column.cast(pyarrow.string()) if same else column
    elif kind.is_integer(stored):
        same = kind.is_integer(found)
    elif kind.is_string(stored):
        same = kind.is_string(found) or kind.is_large_string(found) or kind.is_string_view(found)
    elif kind.is_binary(stored):
        same = kind.is_binary(found) or kind.is_large_binary(found) or kind.is_binary_view(found)
    else:
        same = False
    if not same:
        sys.exit(f"column {name} is stored as {stored} and was read as {found}")
    return column


def digest(table, schema):
    """SHA-256 over the rows in byte order of their text.

    A row is one line: the JSON array of its columns in stored order, without spaces and without
    escapes beyond those that JSON demands. Times are microseconds since 1970-01-01T00:00:00Z,
    dates are `YYYY-MM-DD`, bytes are hexadecimal.
    """
    columns = [plain(field.name, table.column(field.name), field.type) for field in schema]
    plain_table = pyarrow.table(columns, names=schema.names)
    lines = []
    for batch in plain_table.to_batches(max_chunksize=BATCH):
        for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            text = json.dumps(row, ensure_ascii=False, separators=(",", ":"), default=bytes.hex)
            lines.append(text.encode() + b"\n")
    lines.sort()
    total = hashlib.sha256()
    for line in lines:
        total.update(line)
    return total.hexdigest()


def main():
    folder = Path(sys.argv[1])
    first = next(folder.rglob("*.parquet"), None)
    if first is None:
        sys.exit(f"{folder} holds no Parquet file")
    schema = pyarrow.parquet.read_schema(first)
    readers = {}
    for name, read in READERS.items():
        table = read(folder)
        lost = [column for column in schema.names if column not in table.column_names]
        if lost:
            sys.exit(f"{name} lost columns: {', '.join(lost)}")
        readers[name] = {
            "rows": table.num_rows,
            "sha256": digest(table, schema),
            "keys": sorted(set(table.column_names) - set(schema.names)),
        }
    json.dump({"columns": schema.names, "readers": readers}, sys.stdout)


main()
