#!/usr/bin/env python3
"""Cuts the part that we use out of GitHub's OpenAPI description.

    npm pack @octokit/openapi && tar xzf octokit-openapi-*.tgz
    scripts/github_contract.py package/generated/api.github.com.json > xtask/ship/tests/contract/github.json

What stays: the operations listed below, and every schema and parameter that they lead to. What goes: prose, examples and
GitHub's own extensions, which no checker reads. The output has sorted keys, so that an update is a readable difference.
To use one more operation: add its line, run the script again, and name the version in xtask/ship/tests/contract/README.md.
"""

import json
import sys

REPOSITORY = "/repos/{owner}/{repo}"
OPERATIONS = {
    "/releases": "get post",
    "/releases/{release_id}": "get patch delete",
    "/releases/tags/{tag}": "get",
    "/releases/{release_id}/assets": "get post",
    "/releases/assets/{asset_id}": "get delete",
    "/git/ref/{ref}": "get",
    "/git/refs": "post",
    "/git/refs/{ref}": "delete",
    "/git/tags/{tag_sha}": "get",
    "/commits/{ref}/check-runs": "get",
    "/actions/runs": "get",
    "/issues": "get",
    "/pulls": "get post",
    "/pulls/{pull_number}": "patch",
    "/deployments": "get post",
    "/deployments/{deployment_id}/statuses": "post",
    "/environments/{environment_name}": "get",
    "/branches/{branch}/protection": "get",
    "/rules/branches/{branch}": "get",
    "/rulesets": "get",
    "/rulesets/{ruleset_id}": "get",
    "/immutable-releases": "get",
    "/actions/permissions/workflow": "get",
}
PROSE = {"description", "summary", "example", "examples", "externalDocs", "tags", "deprecated", "title"}


def bare(value, names=False):
    """A value without prose. The keys of `properties` are names of fields, whatever they are called."""
    if isinstance(value, list):
        return [bare(item) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {}
    for key, item in value.items():
        if names or not (key in PROSE or key.startswith("x-")):
            kept[key] = bare(item, names=key == "properties")
    return kept


def references(value):
    """Every `$ref` in a value."""
    if isinstance(value, list):
        for item in value:
            yield from references(item)
    elif isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for item in value.values():
            yield from references(item)


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        whole = json.load(file)
    paths = {}
    for path, methods in OPERATIONS.items():
        operations = whole["paths"][REPOSITORY + path]
        paths[REPOSITORY + path] = {method: bare(operations[method]) for method in methods.split()}
    components = {}
    waiting = set(references(paths))
    while waiting:
        _, _, kind, name = waiting.pop().split("/")
        if name not in components.setdefault(kind, {}):
            components[kind][name] = bare(whole["components"][kind][name])
            waiting.update(references(components[kind][name]))
    information = {key: whole["info"][key] for key in ("title", "version", "license")}
    subset = {"openapi": whole["openapi"], "info": information, "paths": paths, "components": components}
    json.dump(subset, sys.stdout, indent=1, sort_keys=True)
    print()


main()
