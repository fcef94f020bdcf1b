"""Reads Kubernetes objects as YAML from stdin, checks each against the strict schema of the
Kubernetes version given as argument, and prints them as one JSON list.

Strict means that an unknown field, which the API server would drop silently, is an error.
"""

import json
import sys

import kubernetes_validate
import yaml

objects = list(yaml.safe_load_all(sys.stdin))
for item in objects:
    try:
        kubernetes_validate.validate(item, sys.argv[1], strict=True)
    except kubernetes_validate.ValidationError as error:
        name = f"{item.get('kind')}/{item.get('metadata', {}).get('name')}"
        path = "/".join(str(step) for step in error.path)
        sys.exit(f"{name}: {path}: {error.message}")
json.dump(objects, sys.stdout)
