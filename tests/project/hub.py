"""What Meltano Hub asks of a plugin's definition, and what its generator makes of `--about`.

Both are written down after the Hub's repository: the schemas below `schemas/` for the definitions,
and `hub_utils/meltano_util.py` of its utilities for the generator, which raises where it does here.
"""

from __future__ import annotations

TEXT = {"type": "string"}
TEXTS = {"type": "array", "items": TEXT}
KINDS = (
    "oauth",
    "hidden",
    "password",
    "date_iso8601",
    "file",
    "email",
    "integer",
    "options",
    "object",
    "array",
    "boolean",
    "string",
    "decimal",
)
SETTING = {
    "type": "object",
    "required": ["name"],
    "additionalProperties": False,
    "properties": {
        **dict.fromkeys(("name", "label", "placeholder", "description", "tooltip", "env"), TEXT),
        **dict.fromkeys(("documentation", "docs"), TEXT),
        **{key: {"type": "boolean"} for key in ("hidden", "sensitive")},
        "aliases": TEXTS,
        "value": {},
        "kind": {"enum": list(KINDS)},
        "options": {
            "type": "array",
            "items": {"type": "object", "properties": {"label": TEXT, "value": TEXT}},
        },
    },
}
CAPABILITIES = {
    "extractors": (
        "properties",
        "catalog",
        "discover",
        "state",
        "about",
        "stream-maps",
        "schema-flattening",
        "activate-version",
        "batch",
        "test",
        "log-based",
        "structured-logging",
    ),
    "loaders": (
        "about",
        "stream-maps",
        "activate-version",
        "batch",
        "soft-delete",
        "hard-delete",
        "datatype-failsafe",
        "schema-flattening",
        "target-schema",
        "validate-records",
    ),
}


def definition_schema(kind):
    """JSON Schema of the definition of an extractor or a loader."""
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["name", "namespace", "variant", "quality"],
        "properties": {
            **dict.fromkeys(
                ("name", "variant", "namespace", "label", "description", "definition"), TEXT
            ),
            **dict.fromkeys(
                ("repo", "pip_url", "executable", "docs", "log_parser", "python"), TEXT
            ),
            **dict.fromkeys(("next_steps", "settings_preamble", "usage", "prereq"), TEXT),
            **{key: {"type": ["string", "null"]} for key in ("logo_url", "domain_url")},
            **{key: {"type": "object"} for key in ("commands", "metadata", "schema")},
            "hidden": {"type": "boolean"},
            "keywords": TEXTS,
            "select": TEXTS,
            "settings": {"type": "array", "items": SETTING},
            "settings_group_validation": {"type": "array", "items": TEXTS},
            "capabilities": {"type": "array", "items": {"enum": list(CAPABILITIES[kind])}},
            "maintenance_status": {
                "enum": ["active", "beta", "development", "inactive", "unknown"]
            },
            "quality": {"enum": ["gold", "silver", "bronze", "unknown"]},
            "supported_python_versions": {
                "type": "array",
                "items": {"type": "string", "pattern": r"^3\.\d+$"},
            },
        },
    }


def generated_settings(about):
    """Name -> kind of the settings that the Hub's generator reads out of `--about`."""
    return {name: _kind(name, schema) for name, schema in _leaves(about["settings"])}


def _leaves(schema, prefix=""):
    """Settings, nested ones with dotted names; each with a description that can be read."""
    for name, sub in schema.get("properties", {}).items():
        nested = "object" in sub.get("type", "string") and (
            sub.get("properties") or sub.get("oneOf")
        )
        if nested:
            yield from _leaves(sub, f"{prefix}{name}.")
        else:
            _sentences(sub.get("description"))
            yield f"{prefix}{name}", sub
    for choice in schema.get("oneOf", ()):
        yield from _leaves(choice, prefix)


def _sentences(description):
    """Each sentence begins with a letter that is made a capital: there must be one."""
    words = [part for word in (description or "").split() for part in _apart(word)]
    for sentence in " ".join(words).split(". ") if words else ():
        assert sentence.split()[0][0]


def _apart(word):
    kept = any(part in word for part in ("http", "ssh", "ssl", "e.g."))
    return [word] if kept else word.replace(".", ". ").split()


def _kind(name, schema):
    """The kind of a setting; of choices, each has to be text with a label."""
    given = schema.get("type")
    kinds = [
        kind for kind in ([given] if isinstance(given, str) else given or ()) if kind != "null"
    ]
    kind = kinds[0] if kinds else "string"
    if kind != "string":
        return "integer" if kind == "number" else kind
    if name.lower() in ("start_date", "end_date"):
        return "date_iso8601"
    if any(word in name.lower() for word in ("password", "id", "token", "key", "secret")):
        return "password"
    if schema.get("enum"):
        assert all(choice.replace("_", " ").title() for choice in schema["enum"])
        return "options"
    return "string"
