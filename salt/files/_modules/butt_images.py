"""The images that bots run: built here from a release, or pulled by digest; images that nobody runs any more are removed."""

import logging
import os
import shutil
import tarfile

try:
    import docker.errors

    HAS_DOCKER = True
except ImportError:
    HAS_DOCKER = False

ROOM = 1024 * 1024 * 1024
PACKAGES = ("node_modules", "site-packages")
"""Folders in a release that hold its dependencies."""

LINES_LOGGED = 50

log = logging.getLogger(__name__)


class Unbuilt(Exception):
    """Why an image could not be built."""


def __virtual__():
    if HAS_DOCKER:
        return True
    return False, "the Python package docker is missing: salt-pip install docker"


def name_of(bot):
    """The name of the image that the bot runs."""
    return bot["image"] or f"butt-pub:{bot['release']}"


def is_here(bot):
    return bool(_client().api.images(name=name_of(bot), quiet=True))


def make(bot):
    """Pull the image by its digest, or build it from the release on Salt's file server."""
    if bot["image"]:
        if "@sha256:" not in bot["image"]:
            raise RuntimeError(f"{bot['image']} has no digest: another image could have the same name")
        _client().images.pull(bot["image"])
        return
    _check_room()
    archive = __salt__["cp.cache_file"](f"salt://releases/{bot['release']}.tar.gz")
    if not archive:
        raise RuntimeError(f"the file server has no release {bot['release']}")
    # The packages that come with a release fit most images: then nothing has to be downloaded.
    if not (_has_packages(archive) and _is_built_offline(bot, archive)):
        _build(bot, archive, network=None)
    os.unlink(archive)
    _remove_unused()


def _is_built_offline(bot, archive):
    try:
        _build(bot, archive, network="none")
    except Unbuilt as error:
        log.warning(
            "release %s cannot be built offline, so its packages are fetched: %s", bot["release"], error
        )
        return False
    return True


def _build(bot, archive, network):
    """Raises `Unbuilt`, with the last line of the build's output."""
    try:
        # Passed on as it came: unpacking and packing it again would take longer than everything else.
        with open(archive, "rb") as packed:
            _client().images.build(
                fileobj=packed,
                custom_context=True,
                encoding="gzip",
                tag=name_of(bot),
                buildargs=bot["bases"],
                labels={"butt.release": bot["release"]},
                network_mode=network,
                rm=True,
                forcerm=True,
            )
    except docker.errors.BuildError as error:
        said = "".join(str(line.get("stream") or "") for line in error.build_log).strip().splitlines()
        for line in said[-LINES_LOGGED:]:
            log.error("release %s: %s", bot["release"], line)
        last = said[-1] if said else str(error)
        raise Unbuilt(f"the image of release {bot['release']} cannot be built: {last}") from error


def _has_packages(archive):
    """Whether the release comes with its dependencies."""
    with tarfile.open(archive) as tar:
        return any(entry.name.removeprefix("./") in PACKAGES and entry.isdir() for entry in tar)


def _check_room():
    free = shutil.disk_usage(_client().info()["DockerRootDir"]).free
    if free < ROOM:
        raise RuntimeError(f"{free >> 20} MiB of disk are left, and an image needs {ROOM >> 20}")


def _remove_unused():
    """Remove images of releases that no bot runs any more. Docker keeps one that a container was made from."""
    bots = __salt__["butt.wanted"](__pillar__)["bots"].values()
    wanted = {name_of(bot) for bot in bots}
    # A bot on trial may have to go back at once, without room to build anything.
    wanted |= {name_of({**bot, "release": bot["previous"]}) for bot in bots if bot["previous"]}
    for image in _client().api.images(filters={"label": "butt.release"}):
        if not wanted & set(image["RepoTags"] or []):
            try:
                _client().api.remove_image(image["Id"])
            except docker.errors.APIError:
                continue


def _client():
    return __salt__["butt_engine.client"]()
