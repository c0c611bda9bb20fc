"""A running pub: its parts, the order in which they start, and how it stops."""

import asyncio
import os
import signal
import threading
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import suppress
from typing import Any, Final

import orjson

from scuttlekit import budget
from scuttlekit.addresses import Address
from scuttlekit.connection import Traffic
from scuttlekit.files import write_whole
from scuttlekit.network import Server, ServerLimits
from scuttlekit.pub import pinging
from scuttlekit.pub.announcements import Announcements
from scuttlekit.pub.blobs import BlobCalls, BlobExchange, BlobStore, Holdings
from scuttlekit.pub.calls.aliases import AliasCalls
from scuttlekit.pub.calls.friends import Friends
from scuttlekit.pub.calls.inviting import Inviting, LookingAfter
from scuttlekit.pub.calls.knowing import Knowing
from scuttlekit.pub.calls.members import MemberCalls
from scuttlekit.pub.calls.oneself import Oneself
from scuttlekit.pub.calls.querying import Querying
from scuttlekit.pub.calls.reading import ReadCalls
from scuttlekit.pub.calls.room import RoomCalls
from scuttlekit.pub.calls.secrets import Secrets
from scuttlekit.pub.calls.signing_in import SigningIn
from scuttlekit.pub.calls.table import NOTHING_MORE, TABLE, Addition, Who, allowed, complete, manifest
from scuttlekit.pub.calls.writing import Writing
from scuttlekit.pub.catchup import CatchUp
from scuttlekit.pub.config import Config
from scuttlekit.pub.connections import Connections, Link, PeerRole
from scuttlekit.pub.dialling import Dialler
from scuttlekit.pub.faults import Faults
from scuttlekit.pub.figures import Figures
from scuttlekit.pub.folder import claim
from scuttlekit.pub.gossip import Gossip
from scuttlekit.pub.invites import Invites
from scuttlekit.pub.limits import Limits
from scuttlekit.pub.log import end, log
from scuttlekit.pub.machine import open_as_many_files_as_may_be, take_port, tell_ready
from scuttlekit.pub.memory import give_back
from scuttlekit.pub.monthly import MonthlyTraffic
from scuttlekit.pub.offers import Offers
from scuttlekit.pub.own_words import Announcing
from scuttlekit.pub.profile import Profile
from scuttlekit.pub.quota import Quota
from scuttlekit.pub.replication import Replication
from scuttlekit.pub.room import MeetingRoom
from scuttlekit.pub.secret import keys_of
from scuttlekit.pub.sequence import SequenceNote, guard
from scuttlekit.pub.sign_ins import Challenges, SignOuts
from scuttlekit.pub.ssb_invites import take_over
from scuttlekit.pub.store import Store, Stored
from scuttlekit.pub.told_limits import ToldLimits
from scuttlekit.pub.visits import Visits
from scuttlekit.serving import Api, Handlers

STOP_PATIENCE: Final = 3.0
READY_PATIENCE: Final = 2.0
"""Seconds that the pub waits for its index before it answers its masters without it."""


def run(config: Config, addition: Addition = NOTHING_MORE) -> None:
    """Run a pub until SIGTERM or SIGINT. Raises Refusal, OSError, and any unexpected error."""
    open_as_many_files_as_may_be()
    give_back()
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    loop.run_until_complete(_live(config, addition))


async def _live(config: Config, addition: Addition) -> None:
    stopping = asyncio.Event()
    _stop_on_signal(stopping)
    pub = Pub(config, addition)
    starting = asyncio.ensure_future(pub.start())
    stopped = asyncio.ensure_future(stopping.wait())
    await asyncio.wait([starting, stopped], return_when=asyncio.FIRST_COMPLETED)
    if starting.done():
        starting.result()
        await stopped
    starting.cancel()
    # In its own thread, since a hanging disk blocks everything else.
    patience = threading.Timer(STOP_PATIENCE, _give_up)
    patience.daemon = True
    patience.start()
    await pub.stop()
    log("info", "stopped", "The pub has stopped.")
    # Exit at once: anything that still runs would find everything closed.
    os._exit(0)


def _give_up() -> None:
    log("warning", "stopped", "The pub did not finish in time; what it acknowledged is safe.")
    os._exit(0)


class Pub:
    """All parts of a pub. Cheap checks come first, and nothing is published before the last one has passed."""

    def __init__(self, config: Config, addition: Addition) -> None:
        """Take the port and the folder, and read the stored state. Raises Refusal, OSError."""
        self._addition, self._table = addition, (*TABLE, *addition.calls)
        self._config = config
        self._limits = Limits(config.limits)
        budget.SHARED.most = self._limits["held"]
        budget.SHARED.refuse = lambda: self._limits.refuse("held")
        self._faults = Faults(self._limits)
        self._faults.take_over(asyncio.get_running_loop())
        self._listening = take_port(config.host, config.port)
        self._lock = claim(config.path)
        self._told_limits = ToldLimits(config.path, self._limits)
        self._sequence = SequenceNote(config.path)
        self._offers = Offers(config.path)
        self._offers.read()
        take_over(self._offers, config.path)
        self._forget(config.revoked)
        self._known = max(config.sequence, self._sequence.read())
        self._keys = keys_of(config.path, self._known)
        self._sequence.expect(self._known)
        self._store = Store.open(config.path, self._keys, self._sequence)
        self._sequence.begin()
        self._gossip = Gossip(config.path, self._limits["addresses"])
        self._gossip.read()
        self._address = Address(config.external or config.host, config.port, self._keys.id)
        self._traffic = Traffic()
        self._monthly = MonthlyTraffic(config.path, self._traffic, self._limits)
        self._monthly.on_change(self._hear_of_traffic)
        self._catch_up = CatchUp(config.path, self._store, self._keys.id, wanted=config.catch_up, end=end)
        self._invites = Invites(self._offers, self._store, self._keys, self._address, catch_up=self._catch_up)
        self._connections = Connections(
            self._keys.id,
            config.master,
            is_guest=self._invites.is_key,
            is_awaited=self._invites.opens,
            guests_of=self._invites.guests,
            is_blocked=self._is_blocked,
            is_known=self._is_known,
            strangers=self._limits["strangers"],
            is_saving=self._is_saving,
            follows=self._is_followed,
            refuse=self._limits.refuse,
            begin=self._accompany,
        )
        self._blobs = BlobStore(config.path)
        self._holdings = Holdings(self._blobs, self._store)
        self._quota = Quota(config.path, self._store, self._blobs, self._limits)
        self._exchange = BlobExchange(
            self._blobs,
            config.path,
            self._limits,
            is_known=self._connections.is_near,
            coming=self._quota.coming,
            guard=self._faults.guard,
            is_saving=self._is_saving,
        )
        self._replication = Replication(
            self._store,
            self._keys,
            hops=config.hops,
            limits=self._limits,
            quota=self._quota,
            is_saving=self._is_saving,
        )
        self._dialler = Dialler(
            self._keys,
            self._gossip,
            self._connections,
            places=self._limits["dialled"],
            fenced=config.fence,
            network=config.network,
            offer=lambda _peer: self._apis[Who.ANYBODY],
            traffic=self._traffic,
            is_shut_out=lambda feed: self._is_blocked(feed) or self._connections.is_shut_out(feed),
        )
        self._announcements = Announcements(
            self._gossip,
            self._limits,
            self._keys.id,
            fenced=config.fence,
            is_known=self._is_known,
            hurry=self._dialler.hurry,
        )
        self._server = Server(
            self._keys,
            lambda peer: self._apis[self._rights_of(peer.id)],
            network=config.network,
            welcome=self._welcome,
            meet=self._connections.came_in,
            refuse=self._limits.refuse,
            room=ServerLimits(
                connections=self._limits["connections"],
                from_one_host=self._limits["oneHost"],
                handshakes=self._limits["handshakes"],
                untaken=self._limits["untaken"],
            ),
            traffic=self._traffic,
        )
        self._room = MeetingRoom(
            config.path,
            config.room,
            self._keys.id,
            self._limits,
            follows=self._is_followed,
            blocks=self._is_blocked,
            is_key=self._invites.is_key,
            is_saving=self._is_saving,
        )
        self._challenges = Challenges(self._keys.id, self._limits)
        self._sign_outs = SignOuts(config.path, self._limits)
        self._members = MemberCalls(self._store, self._connections.present, self._room.aliases.by_feed)
        handlers = complete(self._handlers(), self._table)
        self._apis = {
            who: Api(handlers, allowed=allowed(who, self._table), on_fault=self._faults.hear) for who in Who
        }

    async def start(self) -> None:
        """Accept connections once the log has been shown not to be behind. Raises Refusal, OSError."""
        self._faults.keep(self._store.run())
        with suppress(TimeoutError):
            await asyncio.wait_for(self._store.ready.wait(), READY_PATIENCE)
        if self._store.ready.is_set():
            self._check()
            self._begin()
        else:
            log(
                "info",
                "indexing",
                "The pub is rebuilding its index from the log, and answers only its masters until then.",
            )
            self._faults.keep(self._begin_later())
        self._write_manifest()
        await self._server.start(self._config.host, self._config.port, on=self._listening)
        log(
            "info",
            "listening",
            f"The pub listens at {self._address.multiserver}.",
            id=self._keys.id,
            address=self._address.multiserver,
            launch=self._config.launch,
        )
        tell_ready()

    async def stop(self) -> None:
        """Shut down in order. Raises OSError."""
        self._dialler.stop()
        await asyncio.gather(self._server.close(), self._connections.close())
        with suppress(OSError):
            self._monthly.write()
        self._store.close()

    async def _begin_later(self) -> None:
        await self._store.ready.wait()
        self._check()
        self._begin()

    def _check(self) -> None:
        """The fork guard. A pub that catches up may be behind, as it cannot publish until done. Raises Refusal."""
        head = self._store.head(self._keys.id)
        found = head.sequence if head else 0
        if not self._catch_up.is_active:
            guard(found, self._known)
        self._sequence.note(found)

    def _begin(self) -> None:
        self._invites.begin()
        self._store.listen(self._announcements.hear)
        if self._gossip.is_new:
            self._faults.keep(self._faults.guard(self._announcements.recall(self._store)))
        self._store.listen(self._hear)
        self._faults.keep(self._catch_up.run(self._known))
        self._faults.keep(self._replication.run())
        self._faults.keep(self._dialler.run())
        self._faults.keep(self._holdings.run())
        self._faults.keep(self._quota.run())
        self._faults.keep(self._monthly.run())
        self._faults.keep(self._faults.guard(self._members.watch()))

    def _handlers(self) -> Handlers:
        """The handlers of all calls in the table."""
        config, store, keys, catch_up = self._config, self._store, self._keys, self._catch_up
        figures = Figures(
            launch=config.launch,
            own_id=keys.id,
            folder=config.path,
            store=store,
            connections=self._connections,
            catch_up=catch_up,
            hops=config.hops,
            traffic=self._traffic,
            refused=lambda: self._limits.refused,
            room=self._quota.figures,
            month=self._monthly.figures,
            meeting=self._room.figures,
        )
        knowing = Knowing(self._gossip, self._dialler, self._connections, keys.id)
        announcing = Announcing(store, keys.id)
        visits = Visits(store, keys, self._dialler, self._gossip, announcing)
        profile = Profile(store, keys.id)
        secrets = Secrets(keys)
        return {
            **Oneself(self._address, store, knowing.peers, manifest(self._table)).handlers(),
            **ReadCalls(store, secrets).handlers(),
            **Querying(store, secrets).handlers(),
            **Writing(store, keys, catch_up).handlers(),
            **Friends(store, config.hops).handlers(),
            **BlobCalls(self._blobs, self._exchange, self._limits, self._is_saving).handlers(),
            **self._replication.handlers(),
            **knowing.handlers(),
            **self._members.handlers(),
            **self._told_limits.handlers(),
            **self._monthly.handlers(),
            **AliasCalls(store, self._room).handlers(),
            **SigningIn(
                self._challenges, self._sign_outs, self._connections, self._invites.is_key
            ).handlers(),
            **RoomCalls(store, self._connections, self._invites.opens, self._room).handlers(),
            **Inviting(self._invites, visits, catch_up, self._connections.has_brought_in).handlers(),
            **LookingAfter(
                figures,
                store,
                profile,
                catch_up,
                self._connections.present,
                lambda: announcing.announce(self._address),
            ).handlers(),
            **self._addition.handlers(keys.id),
        }

    async def _accompany(self, link: Link) -> None:
        """The pub's own work on a new connection."""
        # Most masters only manage the pub and have no feed, but a person may make their own app a master.
        if link.role is PeerRole.MASTER and (
            link.peer.id == self._keys.id or not self._is_known(link.peer.id)
        ):
            return
        self._catch_up.meet(link.peer)
        await asyncio.gather(*(self._faults.guard(work) for work in self._work_with(link)))

    def _work_with(self, link: Link) -> Iterator[Coroutine[Any, Any, None]]:
        yield self._replication.meet(link.peer, dialled=link.dialled)
        yield self._exchange.meet(link.peer)
        if link.dialled:
            yield pinging.ping(link.peer)

    def _rights_of(self, feed: str) -> Who:
        match self._connections.role_of(feed):
            case PeerRole.MASTER:
                return Who.MASTER
            case PeerRole.GUEST:
                return Who.GUEST
        return Who.ANYBODY

    def _welcome(self, feed: str) -> bool:
        # Until the log has been shown not to be behind, others must not meet this identity.
        is_master = self._connections.role_of(feed) is PeerRole.MASTER
        return (is_master or self._store.ready.is_set()) and self._connections.welcome(feed)

    def _hear(self, messages: Sequence[Stored]) -> None:
        """Disconnect peers that the pub has just blocked, and re-evaluate who may be in the room."""
        if any(message.author == self._keys.id for message in messages):
            self._connections.hang_up_on_blocked()
            self._room.review()

    def _hear_of_traffic(self) -> None:
        """Serve fewer peers when the month's traffic is used up, and all again when it is available."""
        self._connections.hang_up_on_shut_out()
        self._room.review()
        self._replication.review()
        self._exchange.go_on()
        self._dialler.hurry()

    def _is_saving(self) -> bool:
        return self._monthly.is_used_up

    def _is_blocked(self, feed: str) -> bool:
        return self._store.graph.blocks(self._keys.id, feed)

    def _is_followed(self, feed: str) -> bool:
        return self._store.graph.follows(self._keys.id, feed)

    def _is_known(self, feed: str) -> bool:
        """Whether a feed is near enough in the follow graph for the pub to keep its messages."""
        return feed in self._store.graph.hops(self._keys.id, self._config.hops)

    def _forget(self, revoked: frozenset[str]) -> None:
        """Remove invites that were revoked while the pub was down, before anybody can use them."""
        gone = [key for key in revoked if self._offers.remove(key)]
        if gone:
            self._offers.write()

    def _write_manifest(self) -> None:
        """Write the manifest where ssb-server does, for programs that read the folder."""
        text = orjson.dumps(manifest(self._table), option=orjson.OPT_INDENT_2)
        path = self._config.path / "manifest.json"
        if not path.exists() or path.read_bytes() != text:
            write_whole(path, text)


def _stop_on_signal(stopping: asyncio.Event) -> None:
    def stop(name: str) -> None:
        if not stopping.is_set():
            log("info", "stopping", f"The pub stops: {name}.")
            stopping.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop, number.name)
