"""The web process as the Procfile starts it."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.databases import ROOT, free_port
from tests.web.conftest import environment


@pytest.fixture
def web(
    database_url: str, redis_url: str, tmp_path: Path
) -> Iterator[tuple[subprocess.Popen[bytes], str, Path]]:
    command = next(
        line.removeprefix("web: ")
        for line in (ROOT / "Procfile").read_text().splitlines()
        if line.startswith("web: ")
    )
    port, log = free_port(), tmp_path / "log"
    settings = environment(database_url=database_url, redis_url=redis_url)
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *shlex.split(command), "--bind", f"127.0.0.1:{port}"],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "WEB_CONCURRENCY": "1", **settings},  # noqa: TID251 - for the child
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    yield process, f"http://127.0.0.1:{port}", log
    process.kill()
    process.wait()


def wait_until_ready(url: str, log: Path) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            if requests.get(f"{url}/readyz", timeout=2).ok:
                return
        except (requests.ConnectionError, requests.Timeout):
            time.sleep(0.05)
    pytest.fail(log.read_text())


def test_it_serves_logs_json_lines_only_and_stops_in_order(
    web: tuple[subprocess.Popen[bytes], str, Path],
) -> None:
    process, url, log = web
    wait_until_ready(url, log)
    browser = requests.Session()  # keeps its connection, as browsers do
    answer = browser.post(f"{url}/api/webhooks/stripe", data=b"not signed", timeout=5)
    assert answer.status_code == 400
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=10) == 0
    browser.close()
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert {"time", "level", "event"} <= set.intersection(*(set(line) for line in lines))
    paths = [line["path"] for line in lines if line["event"] == "request"]
    assert paths[-1] == "/api/webhooks/stripe"
    assert "not signed" not in log.read_text()
