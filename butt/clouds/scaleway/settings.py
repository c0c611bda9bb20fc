"""What an operator can set for Scaleway: every `BUTT_SCALEWAY_*` variable."""

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from butt.clouds.interface import Denied

PREFIX = "BUTT_SCALEWAY_"


class ScalewaySettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore")

    access_key: str = Field("", description="The access key of a Scaleway API key.")
    secret_key: SecretStr = Field(SecretStr(""), description="The secret of that API key.")
    project: str = Field("", description="The id of the Scaleway project that holds the machines.")
    zones: str = Field(
        "fr-par-1 fr-par-2 nl-ams-1",
        description="The zones in which machines may be rented. If several cost the same, the first is used.",
    )
    types: str = Field(
        "STARDUST1-S DEV1-S DEV1-M DEV1-L DEV1-XL PLAY2-PICO PLAY2-NANO PLAY2-MICRO PRO2-XXS PRO2-XS PRO2-S PRO2-M",
        description="The types of instances that may be rented. The cheapest that is big enough is used.",
    )
    image: str = Field("debian_bookworm", description="The label of the image that instances boot.")
    domain: str = Field(
        "",
        description="The DNS zone in which each bot gets a record `NAME`, often `BUTT_DOMAIN`. Empty: no records.",
    )
    calls: float = Field(5, gt=0, description="How many calls to Scaleway we make per second at most.")
    call_seconds: float = Field(20, gt=0, description="How long one call to Scaleway may take.")
    url: str = Field("https://api.scaleway.com", description="The address of Scaleway's API.")

    @classmethod
    def from_environment(cls) -> "ScalewaySettings":
        """Raises `Denied` if a value is not valid."""
        try:
            return cls()
        except ValidationError as error:
            first = error.errors()[0]
            name = PREFIX + "_".join(map(str, first["loc"])).upper()
            raise Denied(f"{name} is not valid: {first['msg']}.", f"Set {name} to a valid value.") from None
