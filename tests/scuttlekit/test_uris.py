import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scuttlekit import (
    Address,
    InvalidFormat,
    Uri,
    address_to_uri,
    experimental_uri,
    parse_uri,
    sigil_to_uri,
    uri_to_address,
    uri_to_sigil,
)
from tests.scuttlekit.peers import few
from tests.scuttlekit.test_addresses import addresses

sigils = st.builds(
    lambda kind, data: f"{kind[0]}{base64.b64encode(data).decode()}.{kind[1]}",
    st.sampled_from([("@", "ed25519"), ("%", "sha256"), ("&", "sha256")]),
    st.binary(min_size=32, max_size=32),
)


@few
@given(sigils)
def test_an_id_comes_back_from_its_uri(sigil):
    assert uri_to_sigil(sigil_to_uri(sigil)) == sigil


@few
@given(addresses)
def test_an_address_comes_back_from_its_uri(address):
    assert uri_to_address(address_to_uri(address)) == address


@few
@given(st.dictionaries(st.from_regex("[a-zA-Z]{1,9}", fullmatch=True), st.text(max_size=20), max_size=4))
def test_an_action_comes_back_from_its_uri(parameters):
    parameters.pop("action", None)
    uri = parse_uri(experimental_uri("start-http-auth", **parameters))
    assert uri == Uri("experimental", query={"action": "start-http-auth", **parameters})


@few
@given(st.text() | st.text("sb:/feed-classic?=&%@1", max_size=60).map("ssb:".__add__))
def test_any_other_text_is_refused_as_a_uri(text):
    for read in (parse_uri, uri_to_sigil, uri_to_address):
        try:
            read(text)
        except InvalidFormat:
            continue


@pytest.mark.parametrize(
    ("uri", "sigil"),
    [
        (
            "ssb:message/classic/g3hPVPDEO1Aj_uPl0-J2NlhFB2bbFLIHlty-YuqFZ3w=",
            "%g3hPVPDEO1Aj/uPl0+J2NlhFB2bbFLIHlty+YuqFZ3w=.sha256",
        ),
        (
            "ssb:message/sha256/g3hPVPDEO1Aj_uPl0-J2NlhFB2bbFLIHlty-YuqFZ3w=",
            "%g3hPVPDEO1Aj/uPl0+J2NlhFB2bbFLIHlty+YuqFZ3w=.sha256",
        ),
        (
            "ssb:feed:ed25519:-oaWWDs8g73EZFUMfW37R_ULtFEjwKN_DczvdYihjbU=",
            "@+oaWWDs8g73EZFUMfW37R/ULtFEjwKN/DczvdYihjbU=.ed25519",
        ),
        (
            "ssb://blob/classic/sbBmsB7XWvmIzkBzreYcuzPpLtpeCMDIs6n_OJGSC1U=",
            "&sbBmsB7XWvmIzkBzreYcuzPpLtpeCMDIs6n/OJGSC1U=.sha256",
        ),
    ],
)
def test_it_reads_the_specifications_examples(uri, sigil):
    assert uri_to_sigil(uri) == sigil


def test_it_reads_and_writes_the_specifications_address():
    uri = (
        "ssb:address/multiserver?multiserverAddress="
        "net%3Awx.larpa.net%3A8008~shs%3ADTNmX%2B4SjsgZ7xyDh5xxmNtFqa6pWi5Qtw7cE8aR9TQ%3D"
    )
    address = Address("wx.larpa.net", 8008, "@DTNmX+4SjsgZ7xyDh5xxmNtFqa6pWi5Qtw7cE8aR9TQ=.ed25519")
    assert uri_to_address(uri) == address
    assert address_to_uri(address) == uri


def test_it_reads_an_address_in_the_path():
    address = Address("wx.larpa.net", 8008, "@DTNmX+4SjsgZ7xyDh5xxmNtFqa6pWi5Qtw7cE8aR9TQ=.ed25519")
    encoded = address_to_uri(address).partition("=")[2]
    assert uri_to_address(f"ssb:address/multiserver/{encoded}") == address


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "https://butt.nz",
        "ssb:",
        "ssb:feed",
        "ssb:experimental/classic/AAAA",
        "ssb:feed/classic/AAAA",
        "ssb:feed/bendybutt-v1/APaWWDs8g73EZFUMfW37RBULtFEjwKNbDczvdYiRXtA=",
        "ssb:feed/classic/" + "A" * 9000,
    ],
)
def test_other_ids_have_no_sigil(uri):
    with pytest.raises(InvalidFormat):
        uri_to_sigil(uri)
