"""Reads OCSF documents, one a line, from stdin; checks each against the schema of its class, version and
profiles; prints how many there were of each class.
"""

import collections
import functools
import json
import sys

import jsonschema
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema


@functools.cache
def schemas(version):
    return OcsfJsonSchemaEmbedded(get_ocsf_schema(version=version))


@functools.cache
def validator(version, class_uid, profiles):
    of_version = schemas(version)
    name = of_version.lookup_class_name_from_uid(class_uid=class_uid)
    schema = of_version.get_class_schema(class_name=name, profiles=list(profiles))
    return jsonschema.Draft202012Validator(schema)


counts = collections.Counter()
for line in sys.stdin:
    document = json.loads(line)
    metadata = document["metadata"]
    checks = validator(metadata["version"], document["class_uid"], tuple(metadata["profiles"]))
    for error in checks.iter_errors(document):
        path = "/".join(str(step) for step in error.path)
        sys.exit(f"{metadata['uid']}: {path}: {error.message}")
    counts[str(document["class_uid"])] += 1
json.dump(counts, sys.stdout)
