"""Pages that try to read a file or call a server through the renderer; none may.

Whether a page is refused or printed without what it wanted is the renderer's affair. That the
attacks are real is shown by the first two tests: without the locks they succeed.
"""

import os
import subprocess
import tempfile
from pathlib import Path

import pdfkit
import pytest

from payments.documents import wkhtmltopdf as wkhtmltopdf_module
from payments.documents.confinement import Limits, Outcome, run_confined
from payments.documents.renderer import Renderer, RenderingError
from payments.documents.wkhtmltopdf import Wkhtmltopdf
from tests.payments.documents.conftest import MARK, Listener, landlock_is_here
from tests.payments.documents.printed import everything_in

PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAAC0lEQVR4nGNgAAIAAAUAAXpeqz8AAAAASUVORK5CYII="
)

WANTING_AN_ADDRESS = {
    "iframe": '<iframe src="{url}" width="400" height="200"></iframe>',
    "frame": '<frameset><frame src="{url}"></frameset>',
    "iframe in srcdoc": "<iframe srcdoc='&lt;iframe src=\"{url}\"&gt;&lt;/iframe&gt;'></iframe>",
    "object": '<object data="{url}" type="text/html" width="400" height="200">x</object>',
    "embed": '<embed src="{url}" type="text/html" width="400" height="200">',
    "img": '<img src="{url}">',
    "img srcset": '<img srcset="{url} 2x" src="{url}">',
    "input": '<input type="image" src="{url}">',
    "body background": '<body background="{url}">x</body>',
    "table background": '<table background="{url}"><tr><td>x</table>',
    "css import": '<style>@import url("{url}");</style>x',
    "css import in data": '<link rel="stylesheet" href="data:text/css,@import url({url});">x',
    "css background": "<div style=\"background: url('{url}')\">x</div>",
    "css content": '<style>p::before {{ content: url("{url}") }}</style><p>x</p>',
    "css list": "<ul style=\"list-style-image: url('{url}')\"><li>x</ul>",
    "css cursor": "<p style=\"cursor: url('{url}'), auto\">x</p>",
    "css font": '<style>@font-face {{ font-family: f; src: url("{url}") }}'
    " p {{ font-family: f }}</style><p>x",
    "stylesheet": '<link rel="stylesheet" href="{url}">x',
    "icon": '<link rel="icon" href="{url}">x',
    "prefetch": '<link rel="prefetch" href="{url}"><link rel="dns-prefetch" href="{url}">x',
    "attachment": '<link rel="attachment" href="{url}">x',
    "attachment of a link": '<a rel="attachment" href="{url}">x</a>',
    "script": '<script src="{url}"></script>x',
    "svg image": '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    ' width="9" height="9"><image xlink:href="{url}" width="9" height="9"/></svg>',
    "svg use": '<svg xmlns:xlink="http://www.w3.org/1999/xlink"><use xlink:href="{url}#a"/></svg>',
    "svg in data": '<img src="data:image/svg+xml,<svg xmlns=%27http://www.w3.org/2000/svg%27'
    " xmlns:xlink=%27http://www.w3.org/1999/xlink%27><image width=%279%27 height=%279%27"
    ' xlink:href=%27{url}%27/></svg>">',
    "svg entity": '<img src=\'data:image/svg+xml,<!DOCTYPE svg [<!ENTITY e SYSTEM "{url}">]>'
    '<svg xmlns="http://www.w3.org/2000/svg"><text y="9">%26e;</text></svg>\'>',
    "page in data": '<iframe src="data:text/html,<iframe src=%27{url}%27></iframe>"></iframe>',
    "refresh": '<meta http-equiv="refresh" content="0; url={url}">x',
    "base": '<base href="{url}/"><img src="x.png">',
    "video": '<video src="{url}" poster="{url}" autoplay></video>',
    "audio": '<audio src="{url}" autoplay></audio>',
    "applet": '<applet code="x" codebase="{url}"></applet>',
    "form": '<form action="{url}" method="post"><input autofocus></form>',
    "processing instruction": '<?xml-stylesheet href="{url}"?><p>x</p>',
}

WITH_A_SCRIPT = {
    "request": "var r = new XMLHttpRequest(); r.open('GET', '{url}', false); r.send();"
    " document.write(r.responseText)",
    "picture": "new Image().src = '{url}'",
    "frame": "document.write('<iframe src=\"{url}\"></iframe>')",
    "location": "location.href = '{url}'",
}

OF_PDFKIT = {
    "allow": '<meta name="pdfkit-allow" content="/"><iframe src="{file}"></iframe>',
    "local files": '<meta name="pdfkit-enable-local-file-access" content=" ">'
    '<iframe src="{file}"></iframe>',
    "post": '<meta name="pdfkit-post-file" content="{path}"><img src="{url}">',
    "cover": '<meta name="pdfkit-cover" content="{url}">x',
    "proxy": '<meta name="pdfkit-bypass-proxy-for" content="127.0.0.1"><img src="{url}">',
    "run script": '<meta name="pdfkit-run-script" content="location.href=\'{url}\'">x',
    "style sheet": '<meta name="pdfkit-user-style-sheet" content="{url}">x',
    "other prefix": '<meta name="-allow" content="/"><iframe src="{file}"></iframe>',
    "upper case": '<META NAME="pdfkit-allow" CONTENT="/"><iframe src="{file}"></iframe>',
    "torn": '<meta name="pdfkit-allow" content="/" <iframe src="{file}"></iframe>',
    "doubled": '<me<meta x>ta name="pdfkit-allow" content="/"><iframe src="{file}"></iframe>',
}


def try_to_leak(renderer: Renderer, page: str) -> str:
    """Return all that can be found in the PDF; the page refused is nothing found."""
    try:
        return everything_in(renderer.render(f"<html><body>{page}</body></html>", title="Attack"))
    except RenderingError as error:
        return str(error)


# ---- without the locks: the attacks are real ----------------------------------------------------


def test_unlocked_the_program_reads_files_and_calls_servers(
    wkhtmltopdf: Wkhtmltopdf, listener: Listener, open_file: Path
) -> None:
    page = f'<iframe src="file://{open_file}"></iframe><iframe src="{listener.url}"></iframe>'
    with tempfile.TemporaryDirectory() as folder:
        ended = subprocess.run(
            [wkhtmltopdf.path, "--quiet", "--enable-local-file-access", "-", "-"],
            input=page.encode(),
            capture_output=True,
            check=True,
            env={"HOME": folder, "TMPDIR": folder, "QT_QPA_PLATFORM": "offscreen"},
        )
    assert everything_in(ended.stdout).count(MARK) >= 2
    assert listener.requests


def test_unlocked_pdfkit_takes_options_from_the_page(
    wkhtmltopdf: Wkhtmltopdf, open_file: Path
) -> None:
    page = f'<meta name="pdfkit-allow" content="/"><iframe src="file://{open_file}"></iframe>'
    settings = pdfkit.configuration(wkhtmltopdf=wkhtmltopdf.path)
    pdf = pdfkit.from_string(
        page, options={"disable-local-file-access": ""}, configuration=settings
    )
    assert MARK in everything_in(pdf)


# ---- with all of them ----------------------------------------------------------------------------


@pytest.mark.parametrize("attack", WANTING_AN_ADDRESS)
def test_a_page_cannot_call_a_server(attacked: Renderer, listener: Listener, attack: str) -> None:
    found = try_to_leak(attacked, WANTING_AN_ADDRESS[attack].format(url=listener.url))
    assert (listener.requests, MARK in found) == ([], False)


@pytest.mark.parametrize("attack", WANTING_AN_ADDRESS)
def test_a_page_cannot_read_a_file(attacked: Renderer, open_file: Path, attack: str) -> None:
    found = try_to_leak(attacked, WANTING_AN_ADDRESS[attack].format(url=open_file.as_uri()))
    assert MARK not in found


@pytest.mark.parametrize("attack", WITH_A_SCRIPT)
def test_a_script_does_not_run(
    attacked: Renderer, listener: Listener, open_file: Path, attack: str
) -> None:
    for url in (listener.url, open_file.as_uri()):
        script = WITH_A_SCRIPT[attack].format(url=url)
        page = f'<script>{script}</script><body onload="{script.replace(chr(34), "&quot;")}">x'
        found = try_to_leak(attacked, page)
        assert (listener.requests, MARK in found) == ([], False)


@pytest.mark.parametrize("attack", OF_PDFKIT)
def test_a_page_cannot_set_options(
    attacked: Renderer, listener: Listener, open_file: Path, attack: str
) -> None:
    page = OF_PDFKIT[attack].format(url=listener.url, file=open_file.as_uri(), path=open_file)
    found = try_to_leak(attacked, page)
    assert (listener.requests, MARK in found) == ([], False)


@pytest.mark.parametrize(
    "title", ["--allow", "--enable-local-file-access\n/", "", "\x00", "-", "x' --allow '/"]
)
def test_a_title_is_a_title(attacked: Renderer, open_file: Path, title: str) -> None:
    page = f'<iframe src="{open_file.as_uri()}"></iframe>'
    try:
        pdf = attacked.render(page, title=title)
    except RenderingError:
        return
    assert MARK not in everything_in(pdf)


@pytest.mark.parametrize(
    "address", ["http://{}/", "https://{}/", "ftp://{}/", "//{}/x", "gopher://{}/"]
)
def test_a_name_is_not_even_looked_up(attacked: Renderer, address: str) -> None:
    with pytest.raises(RenderingError):
        attacked.render(f'<img src="{address.format("attack.invalid")}">', title="Attack")


@pytest.mark.parametrize("attack", ["iframe", "img", "css import", "attachment", "svg image"])
def test_nor_can_it_through_a_child(
    renderer: Renderer, listener: Listener, open_file: Path, attack: str
) -> None:
    for url in (listener.url, open_file.as_uri()):
        found = try_to_leak(renderer, WANTING_AN_ADDRESS[attack].format(url=url))
        assert (listener.requests, MARK in found) == ([], False)


# ---- each lock alone -----------------------------------------------------------------------------


def test_a_script_does_not_even_write_into_the_page(renderer: Renderer) -> None:
    """The locks around the program would keep a script from files and servers; none is to run."""
    script = "document.write('SCRIPT' + 'RAN'); document.title = 'SCRIPT' + 'RAN'"
    page = f'<body onload="{script}"><p>Kept</p><script>{script}</script></body>'
    found = everything_in(renderer.render(page, title="Attack"))
    assert "Kept" in found
    assert "SCRIPTRAN" not in found


@pytest.mark.parametrize("attack", ["allow", "post", "proxy"])
def test_the_random_prefix_holds_where_meta_tags_are_left(
    wkhtmltopdf: Wkhtmltopdf,
    listener: Listener,
    open_file: Path,
    attack: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wkhtmltopdf_module, "without_meta", lambda html: html)
    page = OF_PDFKIT[attack].format(url=listener.url, file=open_file.as_uri(), path=open_file)
    found = try_to_leak(wkhtmltopdf, page)
    assert (listener.requests, MARK in found) == ([], False)


@pytest.mark.parametrize("attack", OF_PDFKIT)
def test_by_the_random_prefix_a_page_changes_nothing_of_the_command(
    wkhtmltopdf: Wkhtmltopdf, attack: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands: list[list[str]] = []

    def note(command: list[str], _document: bytes, *, limits: Limits) -> Outcome:
        del limits
        commands.append(command)
        return Outcome(exit_code=0, output=b"%PDF-", complaints="")

    monkeypatch.setattr(wkhtmltopdf_module, "without_meta", lambda html: html)
    monkeypatch.setattr(wkhtmltopdf_module, "run_confined", note)
    attacking = OF_PDFKIT[attack].format(url="http://a.invalid", file="file:///x", path="/x")
    for page in ("<p>x", attacking):
        wkhtmltopdf.render(page, title="Attack")
    assert commands[0] == commands[1]


@pytest.mark.parametrize("attack", ["iframe", "img", "css import", "stylesheet"])
def test_the_lock_of_the_network_holds_where_the_program_is_told_to_call(
    wkhtmltopdf: Wkhtmltopdf, listener: Listener, attack: str
) -> None:
    page = WANTING_AN_ADDRESS[attack].format(url=listener.url)
    outcome = run_confined([wkhtmltopdf.path, "-", "-"], page.encode(), limits=Limits())
    assert listener.requests == []
    assert MARK.encode() not in outcome.output


@pytest.mark.parametrize("attack", ["iframe", "img", "css import", "stylesheet"])
def test_the_dead_proxy_holds_where_the_network_is_open(
    wkhtmltopdf: Wkhtmltopdf, listener: Listener, attack: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_openly(command: list[str], document: bytes, *, limits: Limits) -> object:
        with tempfile.TemporaryDirectory() as folder:
            ended = subprocess.run(
                command,
                input=document,
                capture_output=True,
                check=False,
                timeout=limits.wall_s,
                env={"HOME": folder, "TMPDIR": folder, "QT_QPA_PLATFORM": "offscreen"},
            )
        pytest.fail("rendered") if ended.returncode == 0 else None
        raise RenderingError(ended.stderr.decode())

    monkeypatch.setattr(wkhtmltopdf_module, "run_confined", run_openly)
    try_to_leak(wkhtmltopdf, WANTING_AN_ADDRESS[attack].format(url=listener.url))
    assert listener.requests == []


@pytest.mark.parametrize("mode", [0o644, 0o600])
def test_the_lock_of_files_holds_where_the_program_is_told_to_read(
    wkhtmltopdf: Wkhtmltopdf, open_file: Path, mode: int
) -> None:
    if mode == 0o644 and not landlock_is_here():
        pytest.skip("this kernel has no Landlock")
    if mode == 0o600 and os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    open_file.chmod(mode)
    outcome = run_confined(
        [wkhtmltopdf.path, "--enable-local-file-access", "-", "-"],
        f'<iframe src="{open_file.as_uri()}"></iframe>'.encode(),
        limits=Limits(),
    )
    assert not outcome.output or MARK not in everything_in(outcome.output)


# ---- what a document may do ----------------------------------------------------------------------


def test_pictures_within_the_page_and_links_are_fine(renderer: Renderer) -> None:
    pdf = renderer.render(
        f'<img src="data:image/png;base64,{PIXEL}"><svg width="9"><rect width="9"/></svg>'
        '<a href="https://pay.example/o">Pay</a>',
        title="Fine",
    )
    assert "https://pay.example/o" in everything_in(pdf)
