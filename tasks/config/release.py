"""Settings of release: the served form, and when to retrain unattended."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from tasks.settings import Settings


class Quantization(Settings):
    """The served form. NF4 (Dettmers et al. 2023, QLoRA)."""

    double_quantization: bool = True
    """Quantize the quantization constants too."""
    compute_dtype: Literal["bfloat16", "float32"] = "bfloat16"
    skip_modules: tuple[str, ...] = ()
    """Modules to leave in full precision besides heads and embeddings."""


class Schedule(Settings):
    """When to retrain unattended."""

    cron: str
    """Five fields: minute hour day month weekday."""
    timezone: str = "UTC"

    @model_validator(mode="after")
    def _known_to_the_calendar(self) -> Self:
        import zoneinfo

        faults = []
        if len(self.cron.split()) != 5 or not _well_formed(self.cron):
            faults.append(f"cron {self.cron!r} is not five valid fields (minute hour day month weekday)")
        elif not _fires(self.cron):
            faults.append(f"cron {self.cron!r} never fires: no month that it names has such a day")
        if self.timezone not in zoneinfo.available_timezones():
            faults.append(f"timezone {self.timezone!r} is unknown (example: Europe/Berlin)")
        if faults:
            raise ValueError("; ".join(faults))
        return self


def _well_formed(cron: str) -> bool:
    from croniter import CroniterBadDateError, CroniterError, croniter

    try:
        croniter(cron)
    except CroniterBadDateError:
        return True
    except CroniterError:
        return False
    return True


def _fires(cron: str) -> bool:
    """Whether there is a next time: 30 February has none."""
    from croniter import CroniterBadDateError, croniter

    try:
        croniter(cron).get_next()
    except CroniterBadDateError:
        return False
    return True
