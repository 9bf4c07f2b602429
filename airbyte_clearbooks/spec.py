"""The specification: the settings of tap and target as Airbyte's form wants to have them.

Everything comes from the same JSON Schema properties as the plugins' own settings; nothing here
imports the SDK, so that `spec` answers at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clearbooks.contract import load_contract
from clearbooks.distribution import page
from clearbooks.settings import connection_properties

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

DOCS = "docs/airbyte.md"

# What tells the two ways to authenticate apart, and the settings that each of them needs.
REFRESH, ACCESS = "refresh_token", "access_token"
REQUIRED = {REFRESH: ("client_id", "client_secret"), ACCESS: ("access_token",)}
CREDENTIALS = ("client_id", "client_secret", "refresh_token", "access_token")

# Settings that mean nothing here: consent is the platform's business, and Airbyte has its own
# ways to tell of deletions and of records that were refused.
_LEFT_OUT = frozenset({*CREDENTIALS, "authorize_url", "emit_activate_version_messages"})
_SCOPE = frozenset({"business_ids"})

# The sync modes of the destination. It never deletes what is absent, so there is no overwriting.
# A stream that names no object of the destination is written by the target's setting `mode`.
MODES = ("append_dedup", "append", "update", "soft_delete")


def source_spec() -> dict[str, Any]:
    """The `spec` of the source."""
    # The tap's settings module is light; the tap itself would load the SDK.
    from tap_clearbooks.settings import tap_properties

    contract = load_contract()
    readable = [name for name, resource in contract.resources.items() if resource.readable]
    own, shared = tap_properties(), connection_properties()
    properties = {
        **{name: sub for name, sub in shared.items() if name in _SCOPE},
        "streams": _streams(
            "Offer only these, and let the check ask only for the scopes that they need. Empty "
            "for all.",
            readable,
        ),
        **{name: sub for name, sub in own.items() if name != "page_size"},
    }
    advanced = {
        **{name: sub for name, sub in shared.items() if name not in _SCOPE},
        "page_size": own["page_size"],
    }
    scopes = sorted({contract.resources[name].scope for name in readable})
    return _specification("source", "What to read", properties, advanced, scopes)


def destination_spec(own: Mapping[str, Any], writable: Iterable[str]) -> dict[str, Any]:
    """The `spec` of the destination.

    Args:
        own: JSON Schema properties of the settings that only the target has.
        writable: Streams that can be written.
    """
    contract = load_contract()
    scopes = sorted(
        {
            operation.scope
            for resource in contract.resources.values()
            for operation in resource.operations.values()
        }
    )
    shared = connection_properties()
    spec = _specification(
        "destination",
        "What to write",
        {
            **{name: sub for name, sub in shared.items() if name in _SCOPE},
            "streams": _streams(
                "The streams that are going to be written: the check asks for their scopes. "
                "Empty for any.",
                list(writable),
            ),
            **own,
        },
        {name: sub for name, sub in shared.items() if name not in _SCOPE},
        scopes,
    )
    spec["supportsIncremental"] = True
    spec["supported_destination_sync_modes"] = list(MODES)
    return spec


def _specification(
    kind: str,
    title: str,
    main: Mapping[str, Any],
    advanced: Mapping[str, Any],
    scopes: Iterable[str],
) -> dict[str, Any]:
    properties: dict[str, Any] = {"credentials": {**_credentials(), "order": 0, "group": "auth"}}
    for group, members in (("scope", main), ("advanced", advanced)):
        for name, sub in members.items():
            if name not in _LEFT_OUT:
                properties[name] = {**_plain(sub), "order": len(properties), "group": group}
    return {
        "protocol_version": "0.2.0",
        "documentationUrl": page(DOCS),
        "supportsNormalization": False,
        "supportsDBT": False,
        "connectionSpecification": {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "title": f"Clear Books {kind}",
            "type": "object",
            "additionalProperties": True,
            "required": ["credentials"],
            "properties": properties,
            "groups": [
                {"id": "auth", "title": "Authentication"},
                {"id": "scope", "title": title},
                {"id": "advanced", "title": "Connection"},
            ],
        },
        "advanced_auth": _advanced_auth(scopes),
    }


def _streams(description: str, names: list[str]) -> dict[str, Any]:
    return {
        "type": "array",
        "title": "Streams",
        "description": description,
        "items": {"type": "string", "enum": names},
        "uniqueItems": True,
    }


def _plain(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A setting's schema without what Airbyte's form does not understand."""
    plain = dict(schema)
    kinds = plain["type"] if isinstance(plain["type"], list) else [plain["type"]]
    plain["type"] = next(kind for kind in kinds if kind != "null")
    if plain.get("default") in (None, [], {}):
        plain.pop("default", None)
    if plain.pop("secret", False):
        plain["airbyte_secret"] = True
    plain.pop("writeOnly", None)
    return plain


def _credentials() -> dict[str, Any]:
    declared = connection_properties()
    shared = {name: _plain(declared[name]) for name in CREDENTIALS}
    # Beside a refresh token the access token is a cache, and nobody types it.
    expiry = {
        "type": "string",
        "format": "date-time",
        "title": "End of the access token",
        "description": "Kept by the connector. Leave it empty.",
    }
    kept = {**shared["access_token"], "description": "Kept by the connector. Leave it empty."}
    application = {
        **{name: shared[name] for name in ("client_id", "client_secret", "refresh_token")},
        "access_token": kept,
        "token_expiry_date": expiry,
    }
    return {
        "type": "object",
        "title": "Authentication",
        "description": "How the connector gets into Clear Books.",
        "oneOf": [
            _way("Application (OAuth)", REFRESH, application),
            _way("Access token", ACCESS, {"access_token": shared["access_token"]}),
        ],
    }


def _way(title: str, value: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    fields = {"auth_type": {"type": "string", "const": value}, **properties}
    return {
        "type": "object",
        "title": title,
        "required": ["auth_type", *REQUIRED[value]],
        "properties": {
            name: {**sub, "order": order} for order, (name, sub) in enumerate(fields.items())
        },
    }


def _advanced_auth(scopes: Iterable[str]) -> dict[str, Any]:
    """Consent in the platform's own window: authorisation code with PKCE."""
    contract = load_contract()

    def kept(name: str) -> dict[str, Any]:
        return {"type": "string", "path_in_connector_config": ["credentials", name]}

    plain = {"type": "string"}
    return {
        "auth_flow_type": "oauth2.0",
        "predicate_key": ["credentials", "auth_type"],
        "predicate_value": REFRESH,
        "oauth_config_specification": {
            "oauth_connector_input_specification": {
                "consent_url": contract.authorize_url
                + "?response_type=code&client_id={{ client_id_value }}"
                "&redirect_uri={{ redirect_uri_value | urlEncoder }}"
                "&scope={{ scope_value | urlEncoder }}&state={{ state_value }}"
                "&code_challenge={{ state_value | codechallengeS256 }}&code_challenge_method=S256",
                "scope": " ".join(scopes),
                "state": {"min": 43, "max": 128},
                "access_token_url": contract.token_url,
                "access_token_headers": {"Content-Type": "application/x-www-form-urlencoded"},
                "access_token_params": {
                    "grant_type": "authorization_code",
                    "code": "{{ auth_code_value }}",
                    "redirect_uri": "{{ redirect_uri_value }}",
                    "client_id": "{{ client_id_value }}",
                    "client_secret": "{{ client_secret_value }}",
                    "code_verifier": "{{ state_value }}",
                },
                "extract_output": ["access_token", "refresh_token"],
            },
            "complete_oauth_output_specification": {
                "type": "object",
                "required": ["refresh_token"],
                "properties": {name: kept(name) for name in ("access_token", "refresh_token")},
            },
            "complete_oauth_server_input_specification": {
                "type": "object",
                "required": ["client_id", "client_secret"],
                "properties": {"client_id": plain, "client_secret": plain},
            },
            "complete_oauth_server_output_specification": {
                "type": "object",
                "required": ["client_id", "client_secret"],
                "properties": {name: kept(name) for name in ("client_id", "client_secret")},
            },
        },
    }
