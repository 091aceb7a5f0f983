"""Reads an OpenAPI 3.0 file and checks requests and responses against it, to the letter."""

import re
from datetime import date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml
from jsonschema import Draft202012Validator, FormatChecker

_formats = FormatChecker(formats=())


@_formats.checks("date-time", raises=ValueError)
def _is_date_time(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


@_formats.checks("date", raises=ValueError)
def _is_date(value: object) -> bool:
    return not isinstance(value, str) or date.fromisoformat(value).isoformat() == value


@_formats.checks("uri", raises=ValueError)
def _is_uri(value: object) -> bool:
    return not isinstance(value, str) or bool(urlsplit(value).scheme)


class Specification:
    """One API file. A mismatch is an AssertionError that names what is wrong."""

    def __init__(self, file: Path) -> None:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
        self.document = document
        self.base = urlsplit(document["servers"][0]["url"].replace("{apiRoot}", "http://api")).path
        _unfold_discriminators(document["components"]["schemas"])
        _unfold_nullable(document["components"]["schemas"])

    def operations(self) -> set[str]:
        return {
            operation["operationId"]
            for path in self.document["paths"].values()
            for operation in path.values()
        }

    def check_request(self, method: str, path: str, body: Any) -> None:
        operation = self._operation(method, path)
        media = operation["requestBody"]["content"]["application/json"]
        self._check(media["schema"], body)

    def check_response(self, method: str, path: str, response: Any) -> str:
        """The operationId, once status, headers and body were found as specified."""
        operation = self._operation(method, path)
        status = str(response.status_code)
        assert status in operation["responses"], f"{status} is not documented: {response.text}"
        specified = self._resolve(operation["responses"][status])
        for name, header in specified.get("headers", {}).items():
            assert name in response.headers, f"header {name} is missing"
            value: Any = response.headers[name]
            schema = self._resolve(header)["schema"]
            self._check(schema, int(value) if schema.get("type") == "integer" else value)
        if "content" not in specified:
            assert response.content == b"", response.text
        else:
            assert response.headers["Content-Type"].startswith("application/json")
            self._check(specified["content"]["application/json"]["schema"], response.json())
        return str(operation["operationId"])

    def check_event(self, body: Any) -> None:
        self._check({"$ref": "#/components/schemas/CloudEvent"}, body)

    def _operation(self, method: str, path: str) -> dict[str, Any]:
        path = urlsplit(path).path.removeprefix(self.base)
        templates = self.document["paths"]
        exact = [name for name in templates if name == path]
        fitting = exact or [
            name
            for name in templates
            if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", name), path)
            and "remaining-amount" not in path
        ]
        fitting = fitting or [name for name in templates if name.endswith("remaining-amount")]
        return dict(templates[fitting[0]][method.lower()])

    def _resolve(self, node: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in node:
            target: Any = self.document
            for step in node["$ref"].removeprefix("#/").split("/"):
                target = target[step]
            node = target
        return node

    def _check(self, schema: dict[str, Any], value: Any) -> None:
        whole = {"components": self.document["components"], "allOf": [schema]}
        validator = Draft202012Validator(whole, format_checker=_formats)
        problems = [
            f"{problem.json_path}: {problem.message}" for problem in validator.iter_errors(value)
        ]
        assert not problems, problems


def _unfold_discriminators(schemas: dict[str, Any]) -> None:
    """A discriminator chooses the subtype by a property; say it in terms of if/then."""
    for name in [name for name, schema in schemas.items() if "discriminator" in schema]:
        plain = schemas[name]
        discriminator = plain.pop("discriminator")
        schemas[f"{name}Plain"] = plain
        reference = f"#/components/schemas/{name}"
        for target in discriminator["mapping"].values():
            subtype = schemas[target.rpartition("/")[2]]
            for part in subtype.get("allOf", []):
                if part.get("$ref") == reference:
                    part["$ref"] = f"{reference}Plain"
        schemas[name] = {
            "allOf": [
                {"$ref": f"{reference}Plain"},
                {
                    "properties": {
                        discriminator["propertyName"]: {"enum": list(discriminator["mapping"])}
                    }
                },
                *(
                    {
                        "if": {"properties": {discriminator["propertyName"]: {"const": value}}},
                        "then": {"$ref": target},
                    }
                    for value, target in discriminator["mapping"].items()
                ),
            ]
        }


def _unfold_nullable(node: Any) -> None:
    if isinstance(node, dict):
        if node.pop("nullable", False) is True and isinstance(node.get("type"), str):
            node["type"] = [node["type"], "null"]
        for value in node.values():
            _unfold_nullable(value)
    elif isinstance(node, list):
        for value in node:
            _unfold_nullable(value)
