"""Signed files that carry listings: what is refused, and under which name."""

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

import pytest
import rfc8785

from aasim_core.context import organization_scope
from aasim_core.errors import Invalid
from aasim_core.secrets import Key, Keyring
from aasim_core.text import base64url
from aasim_plugins.marketplace.bundles import contents, signing

from .signed import HERE, KEY, TRUSTED, bundle, resigned

OPERATE = Path(__file__).parents[3] / "docs" / "operate" / "marketplace.md"


def refused(broken: Mapping[str, str]) -> dict[str, list[str]]:
    """The codes that opening the bundle ends with, by the part that they are about."""
    with pytest.raises(Invalid) as caught:
        signing.opened(broken, HERE, TRUSTED)
    return {path: [problem.code for problem in problems] for path, problems in caught.value.problems.items()}


def test_what_is_opened_is_what_was_sealed() -> None:
    payload, signer = signing.opened(bundle(), HERE, TRUSTED)
    assert signer == signing.Signer("acme", KEY)
    assert payload["price"]["amount"] == "9007199254740993"
    with organization_scope("none"):
        read = contents.offer_of(payload)
    assert (read.price["amount"], read.title, read.number) == (9_007_199_254_740_993, "Invoice reader", 3)
    assert read.document["definition"]["instructions"] == "Read invoices."


@pytest.mark.long
@pytest.mark.parametrize("part", ["protected", "payload", "signature"])
def test_a_flipped_byte_is_refused_by_the_name_of_its_part(part: str) -> None:
    whole = bundle()
    for number, character in enumerate(whole[part]):
        flipped = whole[part][:number] + chr(ord(character) ^ 1) + whole[part][number + 1 :]
        found = refused({**whole, part: flipped})
        assert len(found) == 1
        assert next(iter(found)).startswith(f"bundle.{part}"), (number, found)


def test_a_changed_field_is_refused_by_its_digest() -> None:
    whole = bundle()
    payload = json.loads(base64url.decode(whole["payload"]))
    payload["price"]["amount"] = "0"
    changed = {**whole, "payload": base64url.encode(rfc8785.dumps(payload))}
    assert refused(changed) == {"bundle.payload.price": ["bundle_broken"]}


def test_a_payload_whose_digests_were_made_anew_is_refused_by_its_signature() -> None:
    changed = resigned(lambda payload: payload.update(license="None."))
    assert refused({**changed, "signature": bundle()["signature"]}) == {"bundle.signature": ["bundle_broken"]}


def test_nobody_signs_for_another_key() -> None:
    forged = resigned(lambda payload: None, Keyring([Key("forger", sha256(b"forger").digest())]))
    assert refused(forged) == {"bundle.protected": ["key_not_trusted"]}
    assert refused({**forged, "protected": bundle()["protected"]}) == {"bundle.signature": ["bundle_broken"]}


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
def test_no_header_chooses_another_way_to_verify(algorithm: str) -> None:
    header = base64url.encode(rfc8785.dumps({"alg": algorithm, "kid": KEY, "typ": "aasim-listing+jws"}))
    assert refused({**bundle(), "protected": header, "signature": ""}) == {"bundle.protected": ["bundle_broken"]}


def test_a_number_that_others_would_round_is_not_exported() -> None:
    definition = {"instructions": "", "parameters": {"seed": 2**53}, "tools": []}
    with pytest.raises(Invalid) as caught:
        bundle(document={"agent_id": "", "name": "Reader", "description": "", "tags": [], "definition": definition})
    assert caught.value.problems.keys() == {"agent.definition.parameters.seed"}


def test_a_key_that_is_none_is_no_setting() -> None:
    assert not signing.is_key(KEY[:-1])
    assert not signing.is_key(f"{KEY[:-1]}=")
    assert signing.is_key(KEY)


def verified(folder: Path, carried: Mapping[str, str], key: str = KEY) -> subprocess.CompletedProcess[str]:
    """What the script of the operator's page says of a bundle."""
    [script] = re.findall(r"```python\n(.*?)```", OPERATE.read_text(encoding="utf-8"), re.DOTALL)
    assert "aasim_" not in script
    (folder / "verify.py").write_text(script, encoding="utf-8")
    (folder / "listing.json").write_text(json.dumps(carried), encoding="utf-8")
    command = [sys.executable, "-I", "-W", "ignore", str(folder / "verify.py"), str(folder / "listing.json"), key]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.long
def test_the_script_of_the_documentation_verifies_a_bundle(tmp_path: Path) -> None:
    assert verified(tmp_path, bundle()).stdout == "Invoice reader, release 3, by Acme\n"
    changed = resigned(lambda payload: payload.update(license="None."))
    assert (
        verified(tmp_path, {**changed, "signature": bundle()["signature"]}).stderr
        == "The file was changed after it was signed.\n"
    )
    assert verified(tmp_path, bundle(), signing.public_keys(HERE)[0]).returncode == 1
