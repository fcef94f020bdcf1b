"""Reads the audit log of a (demo) platform of dialect v2 with Kestra's own client, kestrapy 2.0.3.

    kestrapy_reads.py BASE_URL TOKEN TENANT

Needs the PyPI packages kestrapy==2.0.3 and regex. Pages through everything, cuts it by windows and
other filters, checks that the counts agree, and prints one JSON document. Any check that fails is
an exception and exit code 1. The records must not change while it reads.
"""

import json
import sys
from datetime import datetime, timedelta, timezone

from kestrapy import KestraClient, QueryFilter, QueryFilterField, QueryFilterOp
from kestrapy.exceptions import (
    NotFoundException,
    UnauthorizedException,
    UnprocessableEntityException,
)

SIZE = 1000


def leaf(field, operation, value):
    return QueryFilter(var_field=field, operation=operation, value=value)


def window(start, end):
    """The half-open window [start, end): both fields mean the one date of a record."""
    return [
        leaf(QueryFilterField.START_DATE, QueryFilterOp.GREATER_THAN_OR_EQUAL_TO, start),
        leaf(QueryFilterField.END_DATE, QueryFilterOp.LESS_THAN, end),
    ]


def day_of(record):
    return datetime.fromisoformat(record["date"][:10]).replace(tzinfo=timezone.utc)


def refused(kind, call):
    try:
        call()
    except kind:
        return
    raise AssertionError(f"{kind.__name__} was expected")


class Reader:
    def __init__(self, url, token, tenant):
        self.logs = KestraClient(host=url, token=token, timeout=60).auditlogs
        self.tenant = tenant

    def page(self, number=1, size=SIZE, filters=None, sort="date:asc"):
        return self.logs.search_audit_logs(
            self.tenant, page=number, size=size, sort=[sort], filters=filters
        )

    def total(self, filters):
        return self.page(size=1, filters=filters)["total"]

    def everything(self, filters=None):
        """All records, page by page, until a page is empty."""
        items, number = [], 1
        while True:
            page = self.page(number, filters=filters)
            if not page["results"]:
                assert len(items) == page["total"], (len(items), page["total"])
                return items
            items.extend(page["results"])
            number += 1


def main(url, token, tenant):
    reader = Reader(url, token, tenant)
    items = reader.everything()
    records = [item["auditLog"] for item in items]
    assert records, "the platform has no records"
    assert len({record["id"] for record in records}) == len(records)

    # Windows of one day each cut the whole into parts, none twice and none left out.
    first, last = day_of(records[0]), day_of(records[-1])
    days = {}
    day = first
    while day <= last:
        days[day.date().isoformat()] = reader.total(window(day, day + timedelta(days=1)))
        day += timedelta(days=1)
    assert sum(days.values()) == len(records), (sum(days.values()), len(records))
    future = datetime(2999, 1, 1, tzinfo=timezone.utc)
    assert reader.total(window(future, future + timedelta(days=1))) == 0

    # Filters agree with what was read.
    def check(filters, expected):
        found = reader.total(filters)
        wanted = sum(1 for record in records if expected(record))
        assert found == wanted, (filters, found, wanted)
        return found

    actions = ["LOGIN", "LOGIN_FAILURE", "LOGOUT"]
    namespace = "company.data"
    busiest = max({r["userId"] for r in records}, key=[r["userId"] for r in records].count)
    filtered = {
        "authentication": check(
            [leaf(QueryFilterField.ACTION, QueryFilterOp.IN, actions)],
            lambda record: record["type"] in actions,
        ),
        "not executions": check(
            [
                leaf(
                    QueryFilterField.RESOURCES,
                    QueryFilterOp.IN,
                    sorted({r["detail"]["resourceType"] for r in records} - {"EXECUTION"}),
                )
            ],
            lambda record: record["detail"]["resourceType"] != "EXECUTION",
        ),
        "namespace and below": check(
            [leaf(QueryFilterField.NAMESPACE, QueryFilterOp.PREFIX, namespace)],
            lambda record: (record["detail"].get("namespace", "") + ".").startswith(
                namespace + "."
            ),
        ),
        "busiest user": check(
            [leaf(QueryFilterField.USER_ID, QueryFilterOp.EQUALS, busiest)],
            lambda record: record["userId"] == busiest,
        ),
        "either": check(
            [
                {
                    "logical": "OR",
                    "children": [
                        leaf(QueryFilterField.ACTION, QueryFilterOp.EQUALS, "LOGIN"),
                        leaf(QueryFilterField.NAMESPACE, QueryFilterOp.EQUALS, namespace),
                    ],
                }
            ],
            lambda record: record["type"] == "LOGIN"
            or record["detail"].get("namespace") == namespace,
        ),
        "one record": check(
            [leaf(QueryFilterField.ID, QueryFilterOp.EQUALS, records[7]["id"])],
            lambda record: record["id"] == records[7]["id"],
        ),
        "details": check(
            [leaf(QueryFilterField.DETAILS, QueryFilterOp.EQUALS, {"namespace": namespace})],
            lambda record: record["detail"].get("namespace") == namespace,
        ),
    }

    newest = reader.page(size=5, sort="date:desc")["results"]
    assert newest[0]["auditLog"]["date"][:19] == records[-1]["date"][:19]
    assert reader.page(number=10_000)["results"] == []
    across = reader.logs.search_all_audit_logs(page=1, size=1)["total"]
    assert across >= len(records), (across, len(records))

    refused(UnprocessableEntityException, lambda: reader.page(size=SIZE + 1))
    refused(UnprocessableEntityException, lambda: reader.page(sort="date"))
    refused(NotFoundException, lambda: Reader(url, token, "no-such-tenant").page())
    refused(UnauthorizedException, lambda: Reader(url, "no-such-token", tenant).page())
    refused(NotFoundException, lambda: reader.logs.audit_log_diff("no-such-record", tenant))

    joined = [item["user"] for item in items if "user" in item]
    print(
        json.dumps(
            {
                "total": len(records),
                "across_tenants": across,
                "first": records[0]["date"],
                "last": records[-1]["date"],
                "days": days,
                "filtered": filtered,
                "with_user": len(joined),
                "service_accounts": sum(u["type"] == "SERVICE_ACCOUNT" for u in joined),
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
