"""Machines at Scaleway: an instance and a block volume, addresses, a security group and DNS records."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Self

from scaleway import Client
from scaleway.block.v1 import CreateVolumeRequestFromEmpty, CreateVolumeRequestFromSnapshot
from scaleway.domain.v2beta1 import RecordChange, RecordChangeDelete
from scaleway.instance.v1 import (
    AttachServerVolumeRequestVolumeType,
    IpType,
    SecurityGroupPolicy,
    SecurityGroupRuleAction,
    SecurityGroupRuleDirection,
    SecurityGroupRuleProtocol,
    SecurityGroupTemplate,
    ServerAction,
    SetSecurityGroupRulesRequestRule,
    VolumeServerTemplate,
    VolumeVolumeType,
)
from scaleway.marketplace.v2 import LocalImage, LocalImageType

from butt.clouds import tagging
from butt.clouds.interface import (
    Access,
    CloudEffect,
    CloudTrouble,
    Condition,
    Inventory,
    Job,
    ResourceKind,
    Right,
    ServerOffer,
    Thing,
)
from butt.clouds.pace import Pace
from butt.clouds.scaleway.calls import (
    Blocks,
    Bounds,
    Domains,
    Images,
    Instances,
    Keys,
    api,
    client_of,
)
from butt.clouds.scaleway.pages import all_of
from butt.clouds.scaleway.products import ROOT_SIZE, offers, rates
from butt.clouds.scaleway.reader import ScalewayReader
from butt.clouds.scaleway.records import record_changes
from butt.clouds.scaleway.rights import ScalewayApis, access_of, rights
from butt.clouds.scaleway.settings import ScalewaySettings
from butt.clouds.scaleway.words import Missing
from butt.configuration import Configuration

DEVICE = "/dev/disk/by-id/scsi-0SCW_sbs_volume-{volume_id}"
IOPS = 5000
TCP = SecurityGroupRuleProtocol.TCP.upper()
"""The SDK's own constant is in lower case, which no recorded client sends."""


class Scaleway:
    """`ports` are those that bots listen on; all others are closed."""

    makes_machines = True

    def __init__(self, client: Client, bounds: Bounds, settings: ScalewaySettings, ports: range) -> None:
        self._settings, self._project, self._ports = settings, settings.project, ports
        self.zones = tuple(settings.zones.split())
        self.domain = settings.domain
        self._instances = api(Instances, client, bounds)
        self._blocks = api(Blocks, client, bounds)
        self._domains = api(Domains, client, bounds)
        self._images = api(Images, client, bounds)
        self._keys = api(Keys, client, bounds)
        self._known_images: dict[str, LocalImage] = {}
        self._reader = ScalewayReader(self._instances, self._blocks, self._domains, settings)

    @classmethod
    def from_configuration(cls, settings: Configuration) -> Self:
        """Raises `Denied` if the keys are not valid."""
        ours = ScalewaySettings.from_environment()
        return cls(client_of(ours), Bounds(Pace(ours.calls), ours.call_seconds), ours, settings.bot_ports)

    # What there is

    def inventory(self, zones: Sequence[str]) -> Inventory:
        return self._reader.inventory(zones)

    def offers(self) -> Sequence[ServerOffer]:
        """What our image boots on. Images are looked up each time, because their ids change when Scaleway
        builds new ones.
        """
        self._known_images.clear()
        allowed, found = self._settings.types.split(), list[ServerOffer]()
        for zone in self.zones:
            runs = set(self._image(zone).compatible_commercial_types)
            here = [name for name in allowed if name in runs]
            found += offers(self._instances, zone, here, rates(self._reader.prices(zone)))
        return found

    def device(self, volume_id: str) -> str:
        return DEVICE.format(volume_id=volume_id)

    def access(self) -> Access:
        return access_of(self._keys.get_api_key(access_key=self._settings.access_key))

    def rights(self) -> Iterator[Right]:
        asked = ScalewayApis(self._instances, self._blocks, self._domains, self._keys, self._image)
        return rights(self._settings, asked)

    # What is done

    def carry_out(self, job: Job) -> None:
        _EFFECTS[job.effect](self, job)

    def _make_group(self, job: Job) -> None:
        """No recording shows that a new group accepts `drop`. A group that ignored it would let everybody
        in.
        """
        group = self._instances.create_security_group(
            zone=job.zone,
            name=tagging.name(job.agent_id),
            description="Secure Scuttlebutt, and nothing else",
            project=self._project,
            tags=tagging.tags(job.agent_id),
            stateful=True,
            inbound_default_policy=SecurityGroupPolicy.DROP,
            outbound_default_policy=SecurityGroupPolicy.ACCEPT,
            enable_default_security=True,
        ).security_group
        if str(group.inbound_default_policy) != SecurityGroupPolicy.DROP:
            self._instances.update_security_group(
                zone=job.zone,
                security_group_id=group.id,
                inbound_default_policy=SecurityGroupPolicy.DROP,
                outbound_default_policy=SecurityGroupPolicy.ACCEPT,
                stateful=True,
                tags=tagging.tags(job.agent_id),
            )

    def _open_ports(self, job: Job) -> None:
        rules = [
            SetSecurityGroupRulesRequestRule(
                action=SecurityGroupRuleAction.ACCEPT,
                protocol=TCP,
                direction=SecurityGroupRuleDirection.INBOUND,
                ip_range=everywhere,
                position=position,
                dest_port_from=self._ports.start,
                dest_port_to=self._ports.stop - 1,
                editable=None,
                zone=job.zone,
            )
            for position, everywhere in enumerate(("0.0.0.0/0", "::/0"), 1)
        ]
        self._instances.set_security_group_rules(zone=job.zone, security_group_id=job.group, rules=rules)

    def _make_address(self, job: Job) -> None:
        kind = IpType.ROUTED_IPV4 if job.effect is CloudEffect.MAKE_ADDRESS4 else IpType.ROUTED_IPV6
        tags = tagging.tags(job.agent_id)
        ip = self._instances.create_ip(zone=job.zone, type_=kind, project=self._project, tags=tags).ip
        if set(ip.tags or []) != set(tags):
            # No recording shows that tags are accepted here. An address without them would be made again and
            # again.
            self._instances.update_ip(zone=job.zone, ip=ip.id, tags=tags)

    def _make_volume(self, job: Job) -> None:
        empty = CreateVolumeRequestFromEmpty(size=job.size) if not job.snapshot else None
        old = CreateVolumeRequestFromSnapshot(snapshot_id=job.snapshot) if job.snapshot else None
        self._blocks.create_volume(
            zone=job.zone,
            name=tagging.name(job.agent_id),
            project_id=self._project,
            tags=tagging.tags(job.agent_id),
            perf_iops=IOPS,
            from_empty=empty,
            from_snapshot=old,
        )

    def _make_server(self, job: Job) -> None:
        """Say no more about each volume than other clients do. `None` keeps the SDK from sending its
        defaults.
        """
        block, unsaid = VolumeVolumeType.SBS_VOLUME, {"boot": None, "name": None}
        volumes = {
            "0": VolumeServerTemplate(volume_type=block, size=ROOT_SIZE, **unsaid),
            "1": VolumeServerTemplate(volume_type=block, id=job.volume, size=None, **unsaid),
        }
        self._instances.create_server(
            zone=job.zone,
            name=tagging.name(job.agent_id),
            commercial_type=job.type,
            image=self._image(job.zone).id,
            volumes=volumes,
            public_ips=list(job.addresses),
            dynamic_ip_required=False,
            security_group=job.group,
            project=self._project,
            tags=tagging.tags(job.agent_id),
        )

    def _mark_root(self, job: Job) -> None:
        """The root is marked whatever its name is: without a mark it would stay on the bill once its server
        is gone.
        """
        self._blocks.update_volume(
            zone=job.zone,
            volume_id=job.aim.id,
            name=tagging.root_name(job.agent_id),
            tags=tagging.root_tags(job.agent_id),
        )

    def _image(self, zone: str) -> LocalImage:
        if zone not in self._known_images:
            label, kind = self._settings.image, LocalImageType.INSTANCE_SBS
            try:
                found = all_of(
                    self._images.list_local_images,
                    "local_images",
                    "page_size",
                    image_label=label,
                    zone=zone,
                    type_=kind,
                )
            except Missing:
                found = []
            ours = [i for i in found if i.arch == "x86_64" and str(i.type_) == kind and i.zone == zone]
            if not ours:
                raise CloudTrouble(
                    f"Scaleway has no image “{label}” for block storage in {zone}.",
                    "Set BUTT_SCALEWAY_IMAGE, or leave the zone out of BUTT_SCALEWAY_ZONES.",
                )
            self._known_images[zone] = ours[0]
        return self._known_images[zone]

    def _attach_volume(self, job: Job) -> None:
        self._instances.attach_server_volume(
            zone=job.zone,
            server_id=job.server,
            volume_id=job.volume,
            volume_type=AttachServerVolumeRequestVolumeType.SBS_VOLUME,
        )

    def _attach_address(self, job: Job) -> None:
        self._instances.update_ip(zone=job.zone, ip=job.aim.id, server=job.server)

    def _boot(self, job: Job) -> None:
        """Put the server into its own security group first: no recorded client names the group when it makes
        a server.
        """
        server = self._instances.get_server(zone=job.zone, server_id=job.server).server
        if server.security_group is None or server.security_group.id != job.group:
            self._update(job, security_group=SecurityGroupTemplate(id=job.group, name=None))
        self._instances.set_server_user_data(
            zone=job.zone, server_id=job.server, key="cloud-init", content=job.cloud_init
        )
        self._act(job.zone, job.server, ServerAction.POWERON)

    def _stop(self, job: Job) -> None:
        self._act(job.zone, job.server, ServerAction.POWEROFF)

    def _act(self, zone: str, server_id: str, action: ServerAction) -> None:
        self._instances.server_action(zone=zone, server_id=server_id, action=action)

    def _change_type(self, job: Job) -> None:
        self._update(job, commercial_type=job.type)

    def _update(self, job: Job, **changes: object) -> None:
        self._instances._update_server(zone=job.zone, server_id=job.server, **changes)  # noqa: SLF001 - the SDK has no public method

    def _grow_volume(self, job: Job) -> None:
        self._blocks.update_volume(zone=job.zone, volume_id=job.volume, size=job.size)

    def _set_records(self, job: Job) -> None:
        """IPv4 records first, in a call of their own: no recording shows a call that adds one of another
        type.
        """
        for type_ in ("A", "AAAA"):
            records = tuple(record for record in job.records if record[1] == type_)
            if changes := record_changes(replace(job, records=records), self._reader.records()):
                self._change_records(changes)

    def _change_records(self, changes: list[RecordChange]) -> None:
        self._domains.update_dns_zone_records(
            dns_zone=self.domain, changes=changes, disallow_new_zone_creation=True
        )

    def _take_snapshot(self, job: Job) -> None:
        self._blocks.create_snapshot(
            zone=job.zone,
            volume_id=job.volume,
            public=False,
            name=tagging.name(job.agent_id),
            project_id=self._project,
            tags=tagging.tags(job.agent_id),
        )

    def _remove(self, job: Job) -> None:
        thing = job.aim
        try:
            self._removals[thing.kind](self, thing)
        except Missing:
            return

    def _remove_server(self, server: Thing) -> None:
        """The server's volumes are detached, not deleted: the root is removed once it is free."""
        if server.condition is Condition.STOPPED:
            self._instances.delete_server(zone=server.zone, server_id=server.id)
        else:
            self._act(server.zone, server.id, ServerAction.TERMINATE)

    def _remove_record(self, record: Thing) -> None:
        self._change_records([RecordChange(delete=RecordChangeDelete(id=record.id))])

    def _remove_volume(self, volume: Thing) -> None:
        self._blocks.delete_volume(zone=volume.zone, volume_id=volume.id)

    def _remove_address(self, address: Thing) -> None:
        self._instances.delete_ip(zone=address.zone, ip=address.id)

    def _remove_group(self, group: Thing) -> None:
        self._instances.delete_security_group(zone=group.zone, security_group_id=group.id)

    def _remove_snapshot(self, snapshot: Thing) -> None:
        self._blocks.delete_snapshot(zone=snapshot.zone, snapshot_id=snapshot.id)

    _removals: dict[ResourceKind, Callable[["Scaleway", Thing], None]] = {
        ResourceKind.SERVER: _remove_server,
        ResourceKind.VOLUME: _remove_volume,
        ResourceKind.ROOT: _remove_volume,
        ResourceKind.ADDRESS4: _remove_address,
        ResourceKind.ADDRESS6: _remove_address,
        ResourceKind.GROUP: _remove_group,
        ResourceKind.SNAPSHOT: _remove_snapshot,
        ResourceKind.RECORD: _remove_record,
    }


_EFFECTS: dict[CloudEffect, Callable[[Scaleway, Job], None]] = {
    CloudEffect.MAKE_GROUP: Scaleway._make_group,  # noqa: SLF001
    CloudEffect.OPEN_PORTS: Scaleway._open_ports,  # noqa: SLF001
    CloudEffect.MAKE_ADDRESS4: Scaleway._make_address,  # noqa: SLF001
    CloudEffect.MAKE_ADDRESS6: Scaleway._make_address,  # noqa: SLF001
    CloudEffect.MAKE_VOLUME: Scaleway._make_volume,  # noqa: SLF001
    CloudEffect.MAKE_SERVER: Scaleway._make_server,  # noqa: SLF001
    CloudEffect.MARK_ROOT: Scaleway._mark_root,  # noqa: SLF001
    CloudEffect.ATTACH_VOLUME: Scaleway._attach_volume,  # noqa: SLF001
    CloudEffect.ATTACH_ADDRESS: Scaleway._attach_address,  # noqa: SLF001
    CloudEffect.BOOT: Scaleway._boot,  # noqa: SLF001
    CloudEffect.STOP: Scaleway._stop,  # noqa: SLF001
    CloudEffect.CHANGE_TYPE: Scaleway._change_type,  # noqa: SLF001
    CloudEffect.GROW_VOLUME: Scaleway._grow_volume,  # noqa: SLF001
    CloudEffect.SET_RECORDS: Scaleway._set_records,  # noqa: SLF001
    CloudEffect.TAKE_SNAPSHOT: Scaleway._take_snapshot,  # noqa: SLF001
    CloudEffect.REMOVE: Scaleway._remove,  # noqa: SLF001
}
