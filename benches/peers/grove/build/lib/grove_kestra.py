"""A connector of Grove for the demo platform, as its own connectors are written."""

import requests
from grove.connectors import BaseConnector
from grove.constants import CHRONOLOGICAL
from grove.exceptions import NotFoundException


class Connector(BaseConnector):
    CONNECTOR = "kestra_audit"
    POINTER_PATH = "date"
    LOG_ORDER = CHRONOLOGICAL

    def collect(self):
        try:
            start = self.pointer
        except NotFoundException:
            start = self.pointer = "2020-01-01T00:00:00.000Z"
        session = requests.Session()
        session.headers["Authorization"] = f"Bearer {self.key}"
        page = 1
        while True:
            query = {"page": page, "size": 1000, "sort": "date:asc"}
            query["filters[startDate][GREATER_THAN_OR_EQUAL_TO]"] = start
            url = f"{self.identity}/api/v1/main/auditlogs/search"
            response = session.get(url, params=query)
            response.raise_for_status()
            results = response.json()["results"]
            if not results:
                break
            self.save([result["auditLog"] for result in results])
            page += 1
