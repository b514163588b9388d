"""What is sent, as the JavaScript libraries of the standards see it, and the receiver that the documentation shows."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aasim_core.testing.peer import Peer

from ..docs.pages import pages_of
from ..npm_packages import installed
from .conftest import EVENT, Hooks
from .receivers import given_an_event_twice

pytestmark = pytest.mark.long
Work = Callable[[], int]
_HERE = Path(__file__).parent / "javascript"


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Path:
    """A folder with the programs of this test and of the documentation, compiled by TypeScript with nothing to object to."""
    folder = tmp_path_factory.mktemp("javascript")
    shutil.copytree(_HERE, folder, dirs_exist_ok=True)
    [receiver] = pages_of(root)["docs/use/webhooks.md"].blocks("ts")
    (folder / "receiver.ts").write_text(receiver)
    (folder / "node_modules").symlink_to(installed(_HERE))
    compiled = subprocess.run(
        [folder / "node_modules" / ".bin" / "tsc", "--project", "."],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert compiled.returncode == 0, compiled.stdout
    return folder


def checked(programs: Path, receiver: Peer, *secrets: str) -> list[Any]:
    """What the libraries make of each message that the receiver got, with the secret for it."""
    bodies = [body.decode() for body in receiver.raw_bodies]
    messages = [
        {"secret": secret, "body": body, "headers": headers}
        for secret, body, headers in zip(secrets, bodies, receiver.headers, strict=True)
    ]
    done = subprocess.run(
        ["node", "check.js"], cwd=programs, input=json.dumps(messages), capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout))


@pytest.mark.parametrize("payload", ["full", "thin"])
@pytest.mark.parametrize("form", ["standard", "cloudevents"])
def test_every_form_of_message_is_verified_and_read(
    programs: Path, hooks: Hooks, receiver: Peer, work: Work, payload: str, form: str
) -> None:
    webhook = hooks.make(payload=payload, format=form)
    subject_id = "plugin_01h455vb4pex5vsknk084sn02q"
    event_id = hooks.happen("Shöp", subject_id)
    work()
    hooks.client.post(f"/webhooks/{webhook['id']}/test")
    event, ping = checked(programs, receiver, *[webhook["secret"]] * 2)
    assert [event["verified"], ping["verified"]] == receiver.bodies
    assert (event["isChangeRefused"], ping["isChangeRefused"], ping["event"]["type"]) == (True, True, "ping")
    source = f"/api/v1/organizations/{hooks.owner.organization_id}"
    of_envelope = {"source": source, "subject": subject_id} if form == "cloudevents" else {"source": None, "subject": None}
    assert event["event"] == {"id": event_id, "type": EVENT, **of_envelope}


def test_while_a_secret_is_changed_the_old_and_the_new_one_verify(
    programs: Path, hooks: Hooks, receiver: Peer, work: Work
) -> None:
    webhook = hooks.make()
    new = hooks.client.post(f"/webhooks/{webhook['id']}/rotate-secret", {"overlap_seconds": 3600}).data["secret"]
    hooks.happen()
    hooks.happen()
    work()
    assert [each["isChangeRefused"] for each in checked(programs, receiver, webhook["secret"], new)] == [True, True]


def test_the_receiver_of_the_documentation_takes_each_event_once_and_refuses_what_is_not_signed(
    programs: Path, hooks: Hooks, receiver: Peer, work: Work
) -> None:
    assert given_an_event_twice(hooks, work, ["node", "receiver.js"], programs) == ("delivered", [f"{EVENT} Shop"])
