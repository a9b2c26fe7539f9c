"""Checks recorded answers of the REST API against its description.

Called as: check_exchanges.py <openapi.yaml> <file of JSON lines: method, path, status, type, body>
Fails when an answer is not as described, or when an operation was never answered with one of its statuses below 300.
"""

import json
import re
import sys

import yaml
from jsonschema import Draft202012Validator

METHODS = ["get", "post", "put", "patch", "delete"]


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        description = yaml.safe_load(file)
    operations = []
    for path, item in description["paths"].items():
        pattern = re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path) + r"(\?.*)?")
        operations += [(m, pattern, item[m], path) for m in METHODS if m in item]
    problems, seen = [], set()
    with open(sys.argv[2], encoding="utf-8") as file:
        for line in file:
            problems += check(json.loads(line), operations, description, seen)
    for method, _, operation, path in operations:
        for status in operation["responses"]:
            if status < "300" and (operation["operationId"], status) not in seen:
                problems.append(f"{method.upper()} {path} was never answered with {status}")
    for problem in problems:
        print(problem, file=sys.stderr)
    print(json.dumps(sorted(f"{operation} {status}" for operation, status in seen)))
    sys.exit(1 if problems else 0)


def check(exchange, operations, description, seen):
    what = f"{exchange['method']} {exchange['path']}: {exchange['status']}"
    for method, pattern, operation, _ in operations:
        if method != exchange["method"].lower() or not pattern.fullmatch(exchange["path"]):
            continue
        response = operation["responses"].get(str(exchange["status"]))
        if response is None:
            return [f"{what} is not described"]
        response = resolve(response, description)
        seen.add((operation["operationId"], str(exchange["status"])))
        content = response.get("content")
        if not content:
            return [f"{what} has a body"] if exchange["body"] else []
        kind = exchange["type"].split(";")[0]
        if kind not in content:
            return [f"{what} is {kind}, not one of {list(content)}"]
        if kind.startswith("text/"):
            return []
        schema = {**content[kind]["schema"], "components": description["components"]}
        errors = Draft202012Validator(schema).iter_errors(json.loads(exchange["body"]))
        return [f"{what}: {error.json_path}: {error.message}" for error in errors]
    return [f"{what} belongs to no operation"]


def resolve(node, description):
    while "$ref" in node:
        target = description
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


if __name__ == "__main__":
    main()
