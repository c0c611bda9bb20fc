"""One agent as people and programs are shown it, with what is wanted and observed in one place."""

from datetime import datetime
from functools import cached_property
from typing import Any

from django.utils import timezone

from butt.agents.effective_state import effective_state, why_held
from butt.agents.limits import FULL, NEARLY, TRAFFIC, effective
from butt.agents.models import Agent, Observed, Role
from butt.agents.states import TO_RUN, Action, State, may_ask
from butt.agents.traffic import TrafficOfMonth, in_month, month_of
from butt.configuration import configuration
from butt.reasons import Reason, code_of
from butt.services.interface import Service
from butt.services.known import service_named
from scuttlekit import Address
from scuttlekit.network_keys import NETWORKS

CATCHING_UP = Reason("catching-up")


class View:
    """Reads only what `butt.agents.bots` has fetched and makes no query of its own."""

    def __init__(self, agent: Agent) -> None:
        self.agent = agent

    @property
    def is_bot(self) -> bool:
        return self.agent.type == Agent.Type.BOT

    @property
    def service(self) -> Service:
        """The service that the bot is made for."""
        return service_named(self.agent.service)

    @property
    def is_owner(self) -> bool:
        """Whether the person through whom the bot was found may do everything with it."""
        return self.agent.role != Role.MODERATOR

    @property
    def full_name(self) -> str:
        return f"{self.agent.name}.{configuration().domain}"

    @cached_property
    def state(self) -> State:
        return effective_state(self.agent)

    @property
    def reason(self) -> str:
        """Why it is in its state; if it is well, why its last move or upgrade did not succeed."""
        progress = self.agent.progress
        catching_up = CATCHING_UP if self.catching_up and self.state is State.ALIVE else ""
        return progress.reason or catching_up or progress.move_notice or progress.notice

    @property
    def reason_code(self) -> str:
        """What the reason is, for programs; empty if there is none."""
        return code_of(self.reason)

    @property
    def catching_up(self) -> bool:
        """It came from elsewhere, and publishes nothing until it has all its own messages."""
        return self._observed.catching_up

    @property
    def trouble(self) -> str:
        """What the monitor runs into while the bot should answer and does not."""
        waits = self.state in {State.STARTING, State.BROKEN} and not self._observed.alive
        return self._observed.trouble if waits else ""

    @property
    def tried_again_at(self) -> datetime | None:
        """When a broken bot is started next."""
        return self.agent.progress.deadline if self.state is State.BROKEN else None

    @property
    def wanted(self) -> str:
        """`running`, `stopped` or `gone`."""
        if self.agent.wanted.gone_at is not None:
            return "gone"
        return "running" if self.agent.wanted.run else "stopped"

    @property
    def gone_at(self) -> datetime | None:
        return self.agent.wanted.gone_at

    @property
    def ssb_id(self) -> str | None:
        return self.agent.progress.ssb_id

    @property
    def release(self) -> str:
        return self.agent.progress.release

    @property
    def network(self) -> str:
        """The name of its network, or the key if it has no name."""
        return self.agent.wanted.network

    @property
    def hops(self) -> int:
        """How far away in the follow graph it keeps messages."""
        return self.agent.wanted.hops

    @property
    def knows_hops(self) -> bool:
        """Whether its code supports hops."""
        return self._observed.hops is not None

    @property
    def announced(self) -> bool:
        """Whether its feed says where it is reached."""
        return self.agent.wanted.announced

    @property
    def room_mode(self) -> str:
        """Who may meet in its room."""
        return self.agent.wanted.room_mode

    @property
    def aliases(self) -> int | None:
        """How many aliases members of its room have; None if its code does not say."""
        return self._observed.aliases

    @property
    def attendants(self) -> int | None:
        """How many people are in its room; None if its code has no room."""
        return self._observed.attendants

    @property
    def tunnels(self) -> int | None:
        """How many tunnels run through its room."""
        return self._observed.tunnels

    @property
    def has_own_network(self) -> bool:
        """Whether its network has no name: only apps that were given its key can connect."""
        return self.network not in NETWORKS

    @property
    def place(self) -> tuple[str, str, int]:
        """The parts of its address, empty where not known yet."""
        progress = self.agent.progress
        return (progress.ssb_id or "", progress.address, progress.port or 0)

    @property
    def address(self) -> str | None:
        """Its multiserver address, once it has a key and a port."""
        progress = self.agent.progress
        if not (progress.ssb_id and progress.port):
            return None
        return Address(progress.address, progress.port, progress.ssb_id).multiserver

    @property
    def alive(self) -> bool:
        return self.state is State.ALIVE

    @property
    def uptime(self) -> int | None:
        """Seconds since its process started, while it is alive."""
        started = self._observed.started_at
        if not (self.alive and started):
            return None
        return max(0, int((timezone.now() - started).total_seconds()))

    @property
    def seen_at(self) -> datetime | None:
        """When the monitor last saw how it is. All samples are made of what was seen until then."""
        return self._observed.at

    @property
    def disk(self) -> int | None:
        return self._observed.disk

    @property
    def room(self) -> dict[str, Any] | None:
        """What uses its disk, in bytes, as its pub reports it; None if its code does not."""
        return self._observed.room

    @property
    def full(self) -> int:
        """The percentage of its allowed disk that is used."""
        return self._observed.full

    @property
    def is_nearly_full(self) -> bool:
        return self.full >= NEARLY

    @property
    def is_full(self) -> bool:
        return self.full >= FULL

    @property
    def limits(self) -> dict[str, int]:
        """How much disk and traffic it may use: its owner's limits, within the operator's."""
        return effective(self.agent.wanted.limits)

    @cached_property
    def traffic(self) -> TrafficOfMonth | None:
        """Its network traffic this month; None if its code does not report it."""
        return in_month(self._observed.traffic, self.limits.get(TRAFFIC), timezone.now())

    @property
    def traffic_full(self) -> int:
        """The percentage of this month's traffic that is used."""
        seen = self._observed.traffic
        return self._observed.traffic_full if seen and seen["month"] == month_of(timezone.now()) else 0

    @property
    def has_nearly_used_its_traffic(self) -> bool:
        return self.traffic_full >= NEARLY

    @property
    def has_used_its_traffic(self) -> bool:
        return self.traffic_full >= FULL

    @property
    def memory(self) -> int | None:
        return self._observed.memory if self.alive else None

    @property
    def bytes_in(self) -> int | None:
        return self._observed.bytes_in

    @property
    def bytes_out(self) -> int | None:
        return self._observed.bytes_out

    @property
    def peers(self) -> int | None:
        return self._observed.peers if self.alive else None

    @property
    def observed_at(self) -> datetime | None:
        return self._observed.at

    def may(self, action: Action) -> bool:
        return action in self.service.actions and may_ask(
            action, State.LEAVING if self.gone_at else self.state
        )

    @property
    def offered(self) -> list[Action]:
        """The actions worth a button now, in the order of the drawing; deleting has its own page."""
        if self.gone_at is not None:
            useful = [Action.RESTORE]
        else:
            useful = [Action.RESTART, Action.STOP] if self.agent.wanted.run else [Action.START]
            useful += [Action.UPGRADE, Action.REBUILD]
        held = TO_RUN if why_held(self.agent.wanted) else frozenset[Action]()
        return [action for action in useful if action not in held and self.may(action)]

    @property
    def _observed(self) -> Observed:
        return self.agent.observed
