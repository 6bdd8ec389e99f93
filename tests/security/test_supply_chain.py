"""What the system is made of, and where its secrets come from (rows 51 and 57)."""

import hashlib
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from payments.settings import Settings, SettingsError, read_settings
from sandbox import advisories, secrets_scan
from tests.architecture.sources import ROOT
from tests.web.conftest import KeyOf, MakeApp, environment
from web.app import create_app
from web.parts import parts_of

LOCKS = ("requirements.txt", "requirements-sandbox.txt", "requirements-dev.txt")
RECORDS: list[dict[str, Any]] = [
    {
        "id": "PYSEC-1",
        "aliases": ["CVE-2026-1"],
        "summary": "by range",
        "affected": [
            {
                "package": {"ecosystem": "PyPI", "name": "Left_Pad"},
                "ranges": [
                    {
                        "type": "ECOSYSTEM",
                        "events": [{"introduced": "1.0"}, {"fixed": "1.4"}],
                    }
                ],
            }
        ],
    },
    {
        "id": "PYSEC-2",
        "affected": [
            {"package": {"ecosystem": "PyPI", "name": "by.list"}, "versions": ["2.0", "2.1"]}
        ],
    },
    {
        "id": "PYSEC-3",
        "affected": [
            {
                "package": {"ecosystem": "PyPI", "name": "last"},
                "ranges": [
                    {
                        "type": "ECOSYSTEM",
                        "events": [{"introduced": "0"}, {"last_affected": "3.2"}],
                    }
                ],
            }
        ],
    },
    {
        "id": "PYSEC-4",
        "withdrawn": "2026-01-01T00:00:00Z",
        "affected": [{"package": {"ecosystem": "PyPI", "name": "last"}, "versions": ["3.2"]}],
    },
    {
        "id": "GHSA-5",
        "affected": [{"package": {"ecosystem": "npm", "name": "last"}, "versions": ["3.2"]}],
    },
]


# ---- row 57: what it is made of ------------------------------------------------------------------


@pytest.mark.parametrize("lock", LOCKS)
def test_row_57_everything_is_pinned_with_hashes(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    logical = re.sub(r"\\\n", " ", text)
    lines = [line for line in logical.splitlines() if line.strip() and not line.startswith("#")]
    assert len(lines) > 50
    for line in lines:
        assert re.match(r"[A-Za-z0-9._-]+(\[[^\]]+\])?==\S+", line), line
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", line), line
    installer = (ROOT / "sandbox" / "install.py").read_text(encoding="utf-8")
    assert '"--require-hashes"' in installer


def wheel_in(folder: Path) -> Path:
    """Make the smallest wheel there is (PEP 427)."""
    folder.mkdir()
    path, info = folder / "small-1.0-py3-none-any.whl", "small-1.0.dist-info"
    files = {
        "small.py": "",
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: small\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    with zipfile.ZipFile(path, "w") as wheel:
        for name, content in files.items():
            wheel.writestr(name, content)
        wheel.writestr(f"{info}/RECORD", "".join(f"{name},,\n" for name in files))
    return path


def test_row_57_a_tampered_wheel_is_refused(tmp_path: Path) -> None:
    wheel, lock = wheel_in(tmp_path / "index"), tmp_path / "lock.txt"
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    lock.write_text(f"small==1.0 --hash=sha256:{digest}\n")

    def install(target: str) -> subprocess.CompletedProcess[str]:
        asked = ["install", "--no-index", "--find-links", str(wheel.parent), "--require-hashes"]
        more = ["--target", str(tmp_path / target), "--requirement", str(lock), "--no-cache-dir"]
        return subprocess.run(
            [sys.executable, "-m", "pip", "--disable-pip-version-check", *asked, *more],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    done = install("good")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "good" / "small.py").exists()
    with zipfile.ZipFile(wheel, "a") as tampered:
        tampered.writestr("small_more.py", "print('hello')")
    done = install("bad")
    assert done.returncode != 0
    assert "DO NOT MATCH THE HASHES" in done.stderr
    assert not (tmp_path / "bad" / "small.py").exists()


def test_row_57_a_bill_of_materials_lists_what_is_pinned(tmp_path: Path) -> None:
    """What `make sbom` does, on the first pins of the lock: all of them take five seconds."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "cyclonedx_py requirements requirements.txt" in makefile
    text = re.sub(r"\\\n", " ", (ROOT / "requirements.txt").read_text(encoding="utf-8"))
    lock = tmp_path / "lock.txt"
    lock.write_text("\n".join(text.splitlines()[:8]) + "\n")
    told = ["--output-reproducible", "--of", "JSON", "-o", str(tmp_path / "sbom.json")]
    done = subprocess.run(
        [sys.executable, "-m", "cyclonedx_py", "requirements", str(lock), *told],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    sbom = json.loads((tmp_path / "sbom.json").read_text(encoding="utf-8"))
    assert sbom["bomFormat"] == "CycloneDX"
    listed = {one["name"]: one for one in sbom["components"]}
    pinned = advisories.pinned_in(lock.read_text(encoding="utf-8"))
    assert {name: one["version"] for name, one in listed.items()} == pinned
    for one in listed.values():
        assert one["externalReferences"][0]["hashes"][0]["alg"] == "SHA-256"


@pytest.mark.parametrize(
    ("pins", "found"),
    [
        ({"left-pad": "1.3"}, ["PYSEC-1"]),
        ({"left-pad": "1.4"}, []),
        ({"left-pad": "0.9"}, []),
        ({"by-list": "2.1"}, ["PYSEC-2"]),
        ({"by-list": "2.2"}, []),
        ({"last": "3.2"}, ["PYSEC-3"]),
        ({"last": "3.3"}, []),
        ({"left-pad": "not a version"}, ["PYSEC-1"]),
    ],
)
def test_row_57_advisories_are_matched_by_version(pins: dict[str, str], found: list[str]) -> None:
    assert [one.id for one in advisories.find_advisories(pins, iter(RECORDS))] == found


def test_row_57_advisories_are_looked_up_offline_or_it_says_it_could_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lock, database = tmp_path / "lock.txt", tmp_path / "all.zip"

    def look(*more: str) -> int:
        monkeypatch.setattr(sys, "argv", ["advisories", str(lock), *more])
        return advisories.main()

    with zipfile.ZipFile(database, "w") as archive:
        for record in RECORDS:
            archive.writestr(f"{record['id']}.json", json.dumps(record))
    lock.write_text("left-pad==1.3 --hash=sha256:00\nlast==3.3 ; python_version > '3'\n")
    assert look("--database", str(database)) == advisories.FOUND
    assert "left-pad 1.3: PYSEC-1 (CVE-2026-1)" in capsys.readouterr().out
    lock.write_text("left-pad==1.4 --hash=sha256:00\n")
    assert look("--database", str(database)) == 0
    assert "1 packages against 5 advisories, 0 found" in capsys.readouterr().out
    (tmp_path / "empty").mkdir()
    (tmp_path / "torn.zip").write_bytes(database.read_bytes()[:200])
    for away in (tmp_path / "nowhere.zip", tmp_path / "empty", tmp_path / "torn.zip"):
        assert look("--database", str(away)) == advisories.COULD_NOT_LOOK
        assert "COULD NOT LOOK" in capsys.readouterr().err
    for answer in ("", '{"dependencies": [{"name": "last", "skip_reason": "away"}]}'):
        done = subprocess.CompletedProcess([], 1, answer, "no network")
        monkeypatch.setattr(subprocess, "run", lambda *_args, done=done, **_more: done)
        assert look() == advisories.COULD_NOT_LOOK
        assert "COULD NOT LOOK" in capsys.readouterr().err


def test_row_57_nothing_is_told_of_what_went_wrong_inside(
    make_app: MakeApp, settings: Settings, monkeypatch: pytest.MonkeyPatch, key_of: KeyOf
) -> None:
    monkeypatch.setenv("FLASK_DEBUG", "1")
    app = make_app(settings)
    assert not app.debug
    assert not app.testing

    def fail() -> None:
        raise RuntimeError("secret_of_the_house")

    monkeypatch.setitem(app.view_functions, "status.show", fail)
    fail.public_reason = "a test"  # type: ignore[attr-defined] # a mark, see web/policies.py
    client: FlaskClient = app.test_client()
    for query in ("", "?debug=1", "?__debugger__=yes&cmd=resource&f=style.css"):
        answer = client.get(f"/api/status{query}", headers=key_of("admin"))
        assert answer.status_code == 500
        members = {"type", "title", "status", "code", "errors", "request_id"}
        assert set(answer.get_json()) == members
        assert answer.get_json()["errors"] == {}
        for word in ("secret_of_the_house", "RuntimeError", "Traceback", ".py", "Werkzeug"):
            assert word not in answer.text
            assert word not in str(answer.headers)
    assert client.get("/console").status_code in (401, 404)


# ---- row 51: where secrets come from -------------------------------------------------------------


def test_row_51_secrets_come_from_files_and_defaults_are_refused(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    """Each secret may stand in a file; one of the sandbox, or an example's, ends the start."""
    good = environment(database_url=database_url, redis_url=redis_url)
    secret = [
        *("DATABASE_URL", "REDIS_URL", "STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRETS"),
        *("ENCRYPTION_KEYSET", "API_KEY_PEPPER", "JWT_JWKS"),
    ]
    files = dict(good)
    for name in secret:
        (tmp_path / name).write_text(files.pop(name) + "\n", encoding="utf-8")
        files[f"{name}_FILE"] = str(tmp_path / name)
    read = read_settings(files)
    assert read == read_settings(good)
    app = create_app(read)
    parts_of(app).close()
    shown = repr(read)
    for name in ("STRIPE_SECRET_KEY", "API_KEY_PEPPER", "ENCRYPTION_KEYSET", "DATABASE_URL"):
        assert good[name] not in shown
    with pytest.raises(SettingsError) as refused:
        read_settings(good | {"STRONGROOM_ENV": "production"})
    for name in ("STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRETS", "API_KEY_PEPPER"):
        assert f"{name} holds a value made for the sandbox" in str(refused.value)
    (tmp_path / "API_KEY_PEPPER").write_text("changeme")
    with pytest.raises(SettingsError, match="API_KEY_PEPPER holds a placeholder"):
        read_settings(files | {"STRONGROOM_ENV": "production"})


def test_row_51_no_secret_stands_in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "argv", ["secrets_scan"])
    assert secrets_scan.main() == 0
    assert "sandbox.secrets_scan" in (ROOT / "Makefile").read_text(encoding="utf-8")


PLANTED = {
    "a key of ours": "srk_" + "live_" + "0a1B2c3D4e5F6g7H8i9J0k1L",
    "a signing secret": "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "a key of Stripe": "sk_" + "live_" + "51H8xJ2eZvKYlo2C0aaaaaaaa",
    "a key in PEM": "-----BEGIN " + "PRIVATE KEY-----\n" + "MIGHAgEAMBMGByqGSM49" * 4,
    "a keyset": '{"keyData": {"value": "' + "GiBv" * 12 + '", "keyMaterialType": "SYMMETRIC"}}',
    "a JWK": '{"kty": "EC", "crv": "P-256", "d": "' + "aB3_" * 11 + '"}',
    "a key of AWS": "AKIA" + "IOSFODNN7EXAMPLQ",
    "a token of GitHub": "ghp_" + "wWPw5k4aXcaT4fNP0UcnZwJUVFk6LO0pINUx",
}


@pytest.mark.parametrize("kind", PLANTED)
def test_row_51_a_secret_that_is_put_there_is_found(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "settings.py"
    file.write_text(f"first = 1\nSECRET = '{PLANTED[kind]}'\n", encoding="utf-8")
    found = list(secrets_scan.scan(iter([file])))
    assert found
    assert {one.line for one in found} <= {2, 3}
