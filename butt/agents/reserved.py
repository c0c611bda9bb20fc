"""Names that no bot may have, as `NAME.DOMAIN` means something else to mail, DNS, programs or people.

Each group names its source. A bot that already has one of these names keeps it.
"""

import re

GROUPS: dict[str, str] = {
    # RFC 2142, "Mailbox Names for Common Services, Roles and Functions".
    "mailboxes": (
        "abuse ftp hostmaster info marketing news noc postmaster sales security support usenet uucp "
        "webmaster www"
    ),
    # CA/Browser Forum, Baseline Requirements 3.2.2.4.4: whoever reads these addresses can get certificates
    # for the domain.
    "certificates": "admin administrator hostmaster postmaster webmaster",
    # RFC 6761 and RFC 7686, special-use domain names; RFC 8375 and RFC 6762 for home networks.
    "special-use": "arpa example internal invalid lan local localdomain localhost onion test",
    # Names that programs look up on their own: RFC 5214 (ISATAP), WPAD (draft-ietf-wrec-wpad-01), RFC 8461
    # (MTA-STS), RFC 6186 and RFC 8314 (mail), Exchange's autodiscover, Thunderbird's autoconfig, OpenPGP's
    # Web Key Directory, RFC 9460 and RFC 9462 (resolvers), BroadcastHost of hosts files, ICE of captive
    # portals.
    "looked up": (
        "autoconfig autodiscover broadcasthost dns imap imaps isatap jabber mta-sts openpgpkey pop pop3 "
        "pop3s proxy resolver sip smtp smtps stun submission submissions turn wpad xmpp"
    ),
    # Customary host names: RFC 1178 and RFC 2219, "Use of DNS Aliases for Network Services".
    "hosts": (
        "archie cache cdn cpanel dhcp finger firewall gateway gopher gw host irc ldap mail mailer "
        "mailer-daemon mx nntp ns ntp pgp ph relay rwhois sftp ssh static vpn wais web webdisk webmail whm whois"
    ),
    # Names that people take for the service itself: pages where they type secrets or pay.
    "trusted": (
        "account accounts auth bank billing blog checkout cloud confirm contact customer dashboard donate "
        "help helpdesk id identity invoice invoices legal login logout moderator my-account oauth "
        "official operator owner password passwords pay payment payments paypal portal privacy register "
        "root secure shop sign-in sign-up signin signup sso staff status store stripe sysadmin system "
        "terms token tokens trust verify wallet"
    ),
    # Our own names: paths of the site, parts of the service, and some for the future.
    "ours": (
        "api app apps bots butt console docs forum git import invite invites join letters live "
        "machine machines master metrics monitor name new newbie null private profile pub public salt "
        "share start steward undefined up"
    ),
}
RESERVED = frozenset(" ".join(GROUPS.values()).split())

_NUMBERED = re.compile(
    r"(?:cache|cdn|dns|ftp|gw|host|imap|ldap|mail|mta|mx|ns|ntp|pop|proxy|relay|resolver|smtp|vpn|web|www)-?[0-9]+"
)
"""Numbered hosts, like `mx1`, `ns-2` or `www3`."""


def is_reserved(name: str) -> bool:
    return name in RESERVED or bool(_NUMBERED.fullmatch(name))
