"""Prints the event log of an Airflow as its own database has it, as JSON: a list of rows.

Usage: airflow_log.py DATABASE
"""

import json
import sqlite3
import sys

COLUMNS = ["id", "dttm", "dag_id", "run_id", "event", "owner", "extra"]

connection = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
rows = connection.execute(f"SELECT {', '.join(COLUMNS)} FROM log ORDER BY id")
json.dump([dict(zip(COLUMNS, row)) for row in rows], sys.stdout)
