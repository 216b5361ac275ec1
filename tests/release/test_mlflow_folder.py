"""What mlflow/ says must be what the code does."""

from __future__ import annotations

import re
from dataclasses import fields

import yaml

from tasks.home import CHECKOUT
from tasks.lineage.roles import RegisteredVersion
from tasks.release import register as registry

FOLDER = CHECKOUT / "mlflow"


def test_the_servers_are_of_the_locked_versions() -> None:
    services = yaml.safe_load((FOLDER / "compose.yaml").read_text())["services"]
    locked = dict(
        re.findall(r"^(mlflow|prefect)==([\d.]+)", (CHECKOUT / "requirements.lock").read_text(), re.MULTILINE)
    )
    assert f"mlflow=={locked['mlflow']} " in services["mlflow"]["build"]["dockerfile_inline"]
    assert services["prefect"]["image"].startswith(f"prefecthq/prefect:{locked['prefect']}-")
    assert all(port.startswith("127.0.0.1:") for one in services.values() for port in one.get("ports", ()))


def test_the_readme_names_every_tag() -> None:
    names = {field.name for field in fields(RegisteredVersion)}

    class Everything:
        """A version whose every field says something."""

        def __getattr__(self, name: str) -> object:
            assert name in names | {"digest", "run"}
            return Everything()

    tags = registry._tags(Everything())  # type: ignore[arg-type]
    text = (FOLDER / "README.md").read_text()
    assert set(re.findall(r"`(galen\.[a-z]+)`", text)) == set(tags)
