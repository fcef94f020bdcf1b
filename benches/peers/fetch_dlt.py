"""The demo platform's records to Parquet with dlt, as its documentation does it."""

import os
import resource
import sys

import dlt
import requests

url, target = sys.argv[1:]
os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
session = requests.Session()
session.headers["Authorization"] = "Bearer demo-token"


@dlt.resource(name="audit", write_disposition="append", primary_key="id")
def audit():
    page = 1
    while True:
        query = {"page": page, "size": 1000, "sort": "date:asc"}
        response = session.get(f"{url}/api/v1/main/auditlogs/search", params=query)
        response.raise_for_status()
        results = response.json()["results"]
        if not results:
            break
        yield [result["auditLog"] for result in results]
        page += 1


files = dlt.destinations.filesystem(bucket_url=f"file://{os.path.abspath(target)}")
pipeline = dlt.pipeline("audit", destination=files, dataset_name="audit", pipelines_dir=f"{target}/pipelines")
pipeline.run(audit(), loader_file_format="parquet").raise_on_failed_jobs()
used = resource.getrusage(resource.RUSAGE_SELF)
print(f"CPU {used.ru_utime + used.ru_stime:.2f} s, peak {used.ru_maxrss / 1024:.0f} MiB")
