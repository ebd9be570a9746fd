"""Long forms of devices: nodes and requests for them, and what may be read from and written to block devices."""

from pydantic import Field

from stackup.stackfile.model.part import Part
from stackup.stackfile.model.scalars import Count, Size, Text, Word


class Device(Part):
    """One entry of `services.<name>.devices`."""

    source: Text = Field(description="Device node on the host, or a CDI name.")
    target: Text = Field("", description="Path inside the container.")
    permissions: Text = Field("rwm", description="Any of r, w, m.")


class DeviceRequest(Part):
    """One entry of `gpus`: devices that the host chooses."""

    capabilities: tuple[Text, ...] = Field((), description="What the devices must be able to do, such as gpu.")
    driver: Text | None = Field(None, description="Driver that provides them.")
    count: Count | None = Field(None, description="How many; -1 or `all` for every one. Excludes device_ids.")
    device_ids: tuple[Text, ...] = Field((), description="These devices. Excludes count.")
    options: dict[str, Word] = Field(default_factory=dict, description="Options of the driver.")


class ReservedDevice(DeviceRequest):
    """One entry of `deploy.resources.reservations.devices`."""

    capabilities: tuple[Text, ...] = Field(description="What the devices must be able to do, such as gpu.")


class BlockRate(Part):
    """One entry of `blkio_config.device_read_bps` and the like."""

    path: Text = Field(description="Device node on the host.")
    rate: Size = Field(description="Bytes, or operations, a second.")


class BlockWeight(Part):
    """One entry of `blkio_config.weight_device`."""

    path: Text = Field(description="Device node on the host.")
    weight: Count = Field(description="Relative weight, 10 to 1000.")


class Blkio(Part):
    """`services.<name>.blkio_config`."""

    weight: Count | None = Field(None, description="Relative weight, 10 to 1000.")
    weight_device: tuple[BlockWeight, ...] = Field((), description="Weights for single devices.")
    device_read_bps: tuple[BlockRate, ...] = Field((), description="Bytes read a second, by device.")
    device_read_iops: tuple[BlockRate, ...] = Field((), description="Reads a second, by device.")
    device_write_bps: tuple[BlockRate, ...] = Field((), description="Bytes written a second, by device.")
    device_write_iops: tuple[BlockRate, ...] = Field((), description="Writes a second, by device.")
