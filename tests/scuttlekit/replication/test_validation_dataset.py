"""The published data set of messages, sent by EBT: what the pub stores, and under which id.

Only the cases that can arrive over the wire: a pub's network mixes no key into signatures, and nobody has the
messages before later ones.
"""

from pathlib import Path
from typing import Any

import pytest

from scuttlekit.canonical import compact, parse
from scuttlekit.ebt import note
from scuttlekit.frames import Json
from tests.scuttlekit.replication.pubs import Make, Pub, guest, until
from tests.scuttlekit.store.voices import Voice

DATASET = Path(__file__).parents[1] / "validation_dataset" / "data.json"
CASES = [case for case in parse(DATASET.read_bytes()) if case["hmacKey"] is None and case["state"] is None]
VALID = [case for case in CASES if case["valid"]]
AUTHORS = {case["message"]["author"] for case in VALID}


def raw(case: Any) -> Json:
    return Json(compact(case["message"]))


@pytest.mark.parametrize("case", VALID, ids=range(len(VALID)))
async def test_valid_messages_are_stored_under_their_id(pub: Pub, alice: Voice, case: Any):
    author = case["message"]["author"]
    await pub.follows(author)
    async with guest(pub, alice) as she:
        await she.tell(author, 1, wants=True)
        await until(lambda: she.clock.get(author) == note(0, wants=True))
        await she.sends(raw(case))
        await until(lambda: pub.has(author))
    stored = pub.store.get(case["id"])
    assert stored.value_text == compact(case["message"])


async def test_invalid_messages_are_not_stored(make: Make, alice: Voice, bob: Voice):
    pub = await make()
    await pub.follows(bob.id, *AUTHORS)
    invalid = [case for case in CASES if not case["valid"]]
    assert len(invalid) == 50
    for case in invalid:
        async with guest(pub, alice) as she:
            for author in AUTHORS:
                await she.tell(author, 1, wants=True)
            await until(lambda: all(she.clock.get(one) == note(0, wants=True) for one in AUTHORS))
            await she.sends(raw(case))
            # A message behind it shows that the pub has seen it; anything that is not a message ends the
            # session.
            (said,) = bob.posts("after it")
            await she.sends(said)
            await until(lambda: pub.has(bob.id) == said.sequence or she.error)  # noqa: B023
            if she.error:
                pub.store.append([said])
    assert pub.store.clock.keys() == {pub.id, bob.id}
    assert pub.store.messages == len(AUTHORS) + 1 + len(invalid)
