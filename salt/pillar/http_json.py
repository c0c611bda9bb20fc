"""Salt's external pillar `http_json`, which gives no pillar rather than a wrong one.

    ext_pillar:
      - http_json:
          url: http://127.0.0.1:8001/agents/%s
          token_file: /var/lib/butt/private-token

The one that Salt used to ship answers `{}` when the server is down, slow or broken, and states that remove what is not in the
pillar then remove everything. This one raises on any doubt, and Salt refuses the whole run.
"""

import http.client
import json
import threading
import urllib.parse

SCHEMA = 1
TIMEOUT = 5.0
MOST_BYTES = 8 * 1024 * 1024


class PillarDoubt(Exception):
    """Nothing is known for sure about what the minion should run."""


def ext_pillar(minion_id, pillar, url, token_file, timeout=TIMEOUT):
    """The pillar of `minion_id`, which replaces `%s` in `url`. `timeout` is for the whole call, in seconds."""
    with open(token_file) as file:
        # Read again each time; of several tokens the first is ours.
        token = file.read().split()[0]
    body = _within(timeout, _get, url.replace("%s", urllib.parse.quote(minion_id, safe="")), token, timeout)
    return checked(body, minion_id)


def checked(body, minion_id):
    """`body` as a pillar that is complete and belongs to this minion."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise PillarDoubt(f"the private server's answer is not JSON: {error}") from None
    butt = answer.get("butt") if isinstance(answer, dict) else None
    if not isinstance(butt, dict):
        raise PillarDoubt("the private server's answer is not a pillar")
    if butt.get("schema") != SCHEMA:
        raise PillarDoubt(f"the pillar's schema is {butt.get('schema')!r}, and {SCHEMA} is known here")
    if butt.get("agent") != minion_id:
        raise PillarDoubt(f"the pillar is that of {butt.get('agent')!r}")
    if butt.get("complete") is not True:
        raise PillarDoubt("the pillar does not say that it is complete")
    if not isinstance(butt.get("bots"), dict) or not isinstance(butt.get("deleted"), list):
        raise PillarDoubt("the pillar has no list of bots")
    return {"butt": butt}


def _get(holder, url, token, timeout):
    parts = urllib.parse.urlsplit(url)
    kinds = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}
    connection = holder["connection"] = kinds[parts.scheme](parts.netloc, timeout=timeout)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    connection.request(
        "GET", path, headers={"Authorization": f"Bearer {token}", "Accept": "application/json"}
    )
    answer = connection.getresponse()
    # A redirect is not 200 either, and is not followed: the token is for this server only.
    if answer.status != 200:
        raise PillarDoubt(f"the private server answered {answer.status}")
    body = answer.read(MOST_BYTES + 1)
    if len(body) > MOST_BYTES:
        raise PillarDoubt("the pillar is too long")
    if answer.length:
        raise PillarDoubt("the private server closed the connection too early")
    return body


def _within(seconds, work, *arguments):
    """What `work` returns. A read timeout is not enough: a server that sends a byte now and then never reaches it."""
    holder = {}

    def run():
        try:
            holder["answer"] = work(holder, *arguments)
        except Exception as error:
            holder["error"] = error

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        if connection := holder.get("connection"):
            connection.close()
        raise PillarDoubt(f"the private server has not answered within {seconds} s")
    if error := holder.get("error"):
        raise (
            error
            if isinstance(error, PillarDoubt)
            else PillarDoubt(f"the private server cannot be reached: {error!r}")
        )
    return holder["answer"]
