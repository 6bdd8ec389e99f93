"""The web process as the Procfile starts it."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from tests.conditions import wait_until
from tests.databases import ROOT, free_port
from tests.web.conftest import environment

SOUGHT = "ada@example.test"


Started = tuple[subprocess.Popen[bytes], str, Path]
Start = Callable[..., Started]


@pytest.fixture
def start(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[Start]:
    """Starts the Procfile's web process, with its own application or another one."""
    started: list[subprocess.Popen[bytes]] = []
    command = next(
        line.removeprefix("web: ")
        for line in (ROOT / "Procfile").read_text().splitlines()
        if line.startswith("web: ")
    )

    def begin(application: str = "wsgi:app") -> Started:
        words = shlex.split(command.replace("wsgi:app", application))
        port, log = free_port(), tmp_path / "log"
        settings = environment(database_url=database_url, redis_url=redis_url)
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", *words, "--bind", f"127.0.0.1:{port}"],
                cwd=ROOT,
                env={"PATH": os.environ["PATH"], "WEB_CONCURRENCY": "1", **settings},  # noqa: TID251 - for the child
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        started.append(process)
        return process, f"http://127.0.0.1:{port}", log

    yield begin
    for process in started:
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


def test_it_serves_logs_json_lines_only_and_stops_in_order(start: Start) -> None:
    process, url, log = start()
    wait_until_ready(url, log)
    browser = requests.Session()  # keeps its connection, as browsers do
    for path in ("/api/ops/search", "/console/search", "/nowhere", "/api/webhooks/stripe"):
        browser.get(f"{url}{path}", params={"q": SOUGHT}, timeout=5)
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
    assert SOUGHT not in log.read_text().replace("%40", "@")


def test_what_gunicorn_says_of_a_failure_is_without_the_query(start: Start) -> None:
    _, url, log = start("tests.web.broken_application:application")
    wait_until(lambda: "Listening at" in log.read_text(), timeout_s=30)
    asked = requests.get(f"{url}/api/ops/search", params={"q": SOUGHT}, timeout=30)
    assert asked.status_code == 500
    wait_until(lambda: "broken" in log.read_text(), timeout_s=5)
    assert "GET /api/ops/search" in log.read_text()
    assert SOUGHT not in log.read_text().replace("%40", "@")
