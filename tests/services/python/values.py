"""Values of BigQuery as JSON has them."""

import base64
import datetime


def plain(value):
    """A value as `trailhouse query --format json` writes it."""
    if isinstance(value, datetime.datetime):
        micros = value.microsecond
        digits = "seconds" if micros == 0 else "microseconds" if micros % 1000 else "milliseconds"
        value = value.astimezone(datetime.timezone.utc).isoformat(timespec=digits)
        return value.removesuffix("+00:00") + "Z"
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value
