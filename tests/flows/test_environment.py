"""What every process of Galen's starts from."""

from __future__ import annotations

import subprocess
import sys
import urllib.request
from pathlib import Path

import httpx
import pytest
from requests.utils import should_bypass_proxies

from flows.environment import set_up_environment

NAMES = [name for lower in ("http_proxy", "https_proxy", "all_proxy", "no_proxy") for name in (lower, lower.upper())]


@pytest.mark.parametrize("given", [{}, {"no_proxy": "intranet"}, {"NO_PROXY": "intranet, 10.0.0.1"}])
def test_this_machine_is_never_asked_through_a_proxy(
    given: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("no_proxy", given.get("no_proxy", ""))  # so that both are put back at the end
    monkeypatch.setenv("NO_PROXY", given.get("NO_PROXY", ""))
    for _ in range(2):
        set_up_environment(tmp_path)
    for host in ("127.0.0.1", "localhost", *(["intranet"] if given else [])):
        assert urllib.request.proxy_bypass(f"{host}:4200")
        assert should_bypass_proxies(f"http://{host}:4200/", None)
    assert not urllib.request.proxy_bypass("example.org")
    httpx.Client().close()  # a SOCKS proxy that it cannot use would end it


def test_no_compiler_is_loaded_where_nothing_is_compiled(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """PEFT and bitsandbytes wrap functions in `torch.compile` when they are imported."""
    monkeypatch.delenv("TORCHDYNAMO_DISABLE")
    set_up_environment(tmp_path)
    code = "import sys, torch; torch.compile(abs); assert 'torch._inductor.compile_fx' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
