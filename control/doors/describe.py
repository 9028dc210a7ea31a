"""Whether what a door says of an engine is the engine that the Studio plans for. Pure."""

from pydantic import ValidationError

from functions.contract.base import CONTRACT, Open
from functions.contract.manifest import EMPTY_DIGEST, EngineManifest


class Description(Open):
    """A door's answer (see `functions.serve.describe`). `manifest` is checked apart: a newer one may have more."""

    contracts: tuple[str, ...] = ()
    door: str = ""
    key_ids: tuple[str, ...] | None = None
    origins: tuple[str, ...] = ()
    bucket: bool = False
    manifest: dict[str, object] = {}
    image: str = ""
    version: str = ""


def parse(body: object) -> Description | None:
    """None for what describes nothing."""
    try:
        found = Description.model_validate(body)
    except ValidationError:
        return None
    return found if found.manifest else None


def refusal(said: Description, ours: EngineManifest, door: str, key_id: str, origin: str | None) -> str:
    """Why jobs of the engine `ours` would be refused or made wrong behind this door, empty where they would not.

    `key_id` names the Studio's key, `origin` where its signed URLs lead.
    """
    name = said.manifest.get("name")
    if name != ours.name:
        return f"it runs {str(name)[:60]!r}, not {ours.name}"
    if CONTRACT not in said.contracts:
        return f"it speaks {', '.join(said.contracts)[:100] or 'no contract'}, this Studio {CONTRACT}; update the older"
    if said.door != door:
        return f"it calls itself {said.door[:60]!r}, not {door!r}: jobs name their door, so give both the same name"
    if said.key_ids is not None and key_id not in said.key_ids:
        return f"it does not know this Studio's key {key_id}; give it the key that `vivijure door key` prints"
    if origin is not None and not said.bucket and origin not in said.origins:
        return f"it may not reach the object store at {origin}; add that to VIVIJURE_DOOR_ORIGINS there"
    return _other_engine(said, ours)


def _other_engine(said: Description, ours: EngineManifest) -> str:
    theirs = said.manifest
    if tuple(_items(theirs.get("kinds"))) != ours.kinds:
        return f"its {ours.name} makes other kinds of steps than the catalog says; update the older of the two"
    if theirs.get("recipe") != ours.recipe:
        return f"it has recipe {theirs.get('recipe')} of {ours.name}, this Studio plans {ours.recipe}; update the older"
    told = theirs.get("tiers")
    tiers = told if isinstance(told, dict) else {}
    for tier, spec in ours.tiers.items():
        one = tiers.get(tier)
        digest = one.get("recipe_digest", EMPTY_DIGEST) if isinstance(one, dict) else None
        if digest != spec.recipe_digest:
            return f"its {ours.name} has other weights for {tier} than the catalog; update the older of the two"
    return ""


def _items(found: object) -> list[object]:
    return list(found) if isinstance(found, list | tuple) else []
