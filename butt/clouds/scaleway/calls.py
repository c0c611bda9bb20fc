"""The official SDK within bounds: each call has a deadline, calls are paced, 429 and 5xx are tried again,
errors are in words.

The SDK calls `requests` without a timeout and has no option for one, so `Bounded._request` replaces the
method of each of its API classes. A call that changes something is never repeated here if it may have taken
effect.
"""

import json
import random
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from typing import Any, TypeVar

import requests
from scaleway import Client
from scaleway.block.v1 import BlockV1API
from scaleway.domain.v2beta1 import DomainV2Beta1API
from scaleway.iam.v1alpha1 import IamV1Alpha1API
from scaleway.instance.v1.custom_api import InstanceUtilsV1API
from scaleway.marketplace.v2 import MarketplaceV2API
from urllib3.exceptions import HTTPError

from butt.clouds.interface import Denied, Unsure
from butt.clouds.pace import Pace
from butt.clouds.scaleway.settings import ScalewaySettings
from butt.clouds.scaleway.words import raise_for
from scuttlekit.backoff import backoff

TRIES = 5
LONGEST_PAUSE = 30.0
LARGEST_ANSWER = 16 * 1024 * 1024
CHUNK = 64 * 1024


def _session() -> requests.Session:
    """For all threads: it keeps connections, and nothing else that changes."""
    session = requests.Session()
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    return session


@dataclass(frozen=True)
class Bounds:
    """`seconds` for one call, from its start to the end of its answer; `first_pause` before it is tried
    again.
    """

    pace: Pace
    seconds: float
    first_pause: float = 0.5
    session: requests.Session = field(default_factory=_session)

    def pause(self, attempt: int) -> float:
        longest = backoff(attempt - 1, self.first_pause, LONGEST_PAUSE)
        return longest * random.uniform(0.5, 1)  # nosec B311 # noqa: S311 - so that not all come back at once


class Bounded:
    """Mixed in before an API class of the SDK; `api` sets `bounds`."""

    bounds: Bounds
    client: Client

    def _request(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
    ) -> requests.Response:
        sent = {
            "accept": "application/json",
            "user-agent": self.client.user_agent,
            "x-auth-token": self.client.secret_key or "",
            "content-type": "application/json; charset=utf-8",
            **(headers or {}),
        }
        data = body if isinstance(body, bytes) else json.dumps({} if body is None else body).encode()
        query = [pair for name, value in (params or {}).items() for pair in _pairs(name, value)]
        for attempt in range(1, TRIES + 1):
            last = attempt == TRIES
            self.bounds.pace.wait()
            try:
                answer = self._once(method, f"{self.client.api_url}{path}", query, sent, data)
            except requests.RequestException as error:
                if method == "GET" and not last:
                    time.sleep(self.bounds.pause(attempt))
                    continue
                raise Unsure(
                    f"Scaleway did not answer in time ({type(error).__name__}).",
                    "We try again automatically. If this continues, check whether this machine can reach BUTT_SCALEWAY_URL, and see "
                    "status.scaleway.com.",
                ) from None
            if answer.status_code == 429 and not last:  # noqa: PLR2004
                self.bounds.pace.pause(_asked_pause(answer) or self.bounds.pause(attempt))
                continue
            if answer.status_code >= 500 and method == "GET" and not last:  # noqa: PLR2004
                time.sleep(self.bounds.pause(attempt))
                continue
            break
        raise_for(answer)
        if total := answer.headers.get("x-total-count"):
            # The SDK looks for it in the body.
            answer._content = json.dumps({**answer.json(), "total_count": int(total)}).encode()  # noqa: SLF001
        return answer

    def _once(
        self, method: str, url: str, query: list[tuple[str, str]], headers: dict[str, str], data: bytes
    ) -> requests.Response:
        """One call. Its connection is kept for the next one, which spares both sides a handshake."""
        until = time.monotonic() + self.bounds.seconds
        with self.bounds.session.request(
            method,
            url,
            params=query,
            headers=headers,
            data=data,
            timeout=self.bounds.seconds,
            stream=True,
            allow_redirects=False,
        ) as answer:
            content = b""
            try:
                # Read what has arrived: waiting for whole chunks would let a slow drip go on for ever.
                while chunk := answer.raw.read1(CHUNK, decode_content=True):
                    content += chunk
                    if time.monotonic() > until or len(content) > LARGEST_ANSWER:
                        raise requests.Timeout("the answer does not end")
            except HTTPError as error:
                raise requests.ConnectionError(str(error)) from None
            answer._content = content  # noqa: SLF001 - what reading it at once would have left there
            return answer


class Instances(Bounded, InstanceUtilsV1API):
    pass


class Blocks(Bounded, BlockV1API):
    pass


class Domains(Bounded, DomainV2Beta1API):
    def _request(
        self, method: str, path: str, params: Mapping[str, Any] | None = None, *more: Any, **named: Any
    ) -> requests.Response:
        """The DNS zone may belong to another project. The SDK would ask for records of our project only;
        other clients do not.
        """
        wider = {name: value for name, value in (params or {}).items() if name != "project_id"}
        return super()._request(method, path, wider, *more, **named)


class Images(Bounded, MarketplaceV2API):
    pass


class Keys(Bounded, IamV1Alpha1API):
    pass


T = TypeVar("T", bound=Bounded)


def api(kind: Callable[[Client], T], client: Client, bounds: Bounds) -> T:
    made = kind(client)
    made.bounds = bounds
    return made


def client_of(settings: ScalewaySettings) -> Client:
    """The SDK's client with our keys. Raises `Denied` if they are not valid."""
    secret = settings.secret_key.get_secret_value()
    client = Client(
        access_key=settings.access_key,
        secret_key=secret,
        default_project_id=settings.project or None,
        api_url=settings.url.rstrip("/"),
    )
    try:
        client.validate()
        uuid.UUID(settings.project)
    except ValueError as wrong:
        words = str(wrong).replace(secret, "…") if secret else str(wrong)
        raise Denied(
            f"The keys for Scaleway are not valid: {words}.",
            "Set BUTT_SCALEWAY_ACCESS_KEY, BUTT_SCALEWAY_SECRET_KEY and BUTT_SCALEWAY_PROJECT; docs/settings.md lists all.",
        ) from None
    return client


def _pairs(name: str, value: Any) -> list[tuple[str, str]]:
    if value is None:
        return []
    values = value if isinstance(value, list) else [value]
    return [(name, str(each).lower() if isinstance(each, bool) else str(each)) for each in values]


def _asked_pause(answer: requests.Response) -> float:
    given = answer.headers.get("retry-after", "")
    return min(float(given), LONGEST_PAUSE) if given.isdigit() else 0.0
