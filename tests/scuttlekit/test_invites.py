import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scuttlekit import Address, InvalidFormat, InviteCode, KeyPair, RemoteError, serve
from tests.scuttlekit.peers import few
from tests.scuttlekit.test_addresses import addresses

PUB = KeyPair(b"p" * 32)
SEED = base64.b64encode(b"i" * 32).decode()
BASE64 = PUB.id[1:].removesuffix(".ed25519")

invites = st.builds(
    InviteCode, addresses.filter(lambda it: "~" not in it.path), st.binary(min_size=32, max_size=32)
)


@few
@given(invites)
def test_an_invite_reads_as_it_was_written_in_both_forms(invite):
    assert InviteCode.parse(invite.multiserver) == invite
    if invite.address.transport == "net" and not invite.address.host.endswith(".onion"):
        assert InviteCode.parse(invite.code) == invite


@few
@given(st.text() | st.text("net:shs~;!0123456789@./=#", max_size=80))
def test_any_other_text_is_refused_as_an_invite(text):
    with pytest.raises(InvalidFormat):
        InviteCode.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        f"pub.butt.nz:8008:{PUB.id}~{SEED}",
        f'"pub.butt.nz:8008:{PUB.id}~{SEED}"',
        f"  pub.butt.nz:8008:{PUB.id}~{SEED}\n",
        f"pub.butt.nz:8008:{PUB.id}~{SEED}#https://butt.nz/",
        f"net:pub.butt.nz:8008~shs:{BASE64}:{SEED}",
    ],
)
def test_it_reads_invites_as_people_paste_them(text):
    assert InviteCode.parse(text) == InviteCode(Address("pub.butt.nz", 8008, PUB.id), b"i" * 32)


def test_an_invites_own_id_is_the_key_of_its_seed():
    assert InviteCode.parse(f"pub.butt.nz:8008:{PUB.id}~{SEED}").id == KeyPair(b"i" * 32).id


def test_nothing_that_prints_an_invite_prints_its_seed():
    invite = InviteCode(Address("pub.butt.nz", 8008, PUB.id), b"i" * 32)
    assert "iiii" not in repr(invite)
    assert SEED not in repr(invite)


@pytest.mark.parametrize(
    "text",
    [f"pub.butt.nz:8008:{PUB.id}", f"pub.butt.nz:8008:{PUB.id}~", f"net:pub.butt.nz:8008~shs:{BASE64}"],
)
def test_an_address_alone_is_not_an_invite(text):
    with pytest.raises(InvalidFormat):
        InviteCode.parse(text)


async def test_a_used_up_invite_is_refused(pub, alice, bob):
    used = []

    async def use(peer, request):
        if used:
            raise RemoteError("the invite is used up")
        used.append((peer.id, request["feed"]))
        return {"following": True}

    async with serve("127.0.0.1", 0, pub, {"invite.use": use}) as server:
        invite = InviteCode(server.address, b"i" * 32)
        assert await invite.use(alice.id) == {"following": True}
        with pytest.raises(RemoteError, match="used up"):
            await invite.use(bob.id)
    assert used == [(invite.id, alice.id)]


async def test_an_invite_follows_feeds_and_nothing_else():
    with pytest.raises(InvalidFormat):
        await InviteCode(Address("127.0.0.1", 1, PUB.id), b"i" * 32).use("%message.sha256")
