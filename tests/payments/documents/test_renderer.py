"""Which renderer is taken, and that what it prints is what was meant."""

import os
from pathlib import Path

import pytest

from payments.documents import renderer as renderer_module
from payments.documents.errors import RenderingError
from payments.documents.fonts import missing_characters
from payments.documents.markup import is_landscape, page_margins_mm, plain_title, without_meta
from payments.documents.renderer import (
    ByDirection,
    Renderer,
    choose_renderer,
    has_right_to_left,
)
from payments.documents.weasyprint_renderer import find_weasyprint
from payments.documents.wkhtmltopdf import Wkhtmltopdf, find_wkhtmltopdf
from tests.payments.documents.printed import text_of, widest_box_mm, without_times

PAGE = """<html><head><style>@page { size: A4; margin: 18mm } div { width: 100mm; height: 9mm;
background: #c00 } p { font-size: 16px }</style></head><body><div></div><p>Total 12.00 EUR</p>"""


class Named:
    """Answers with its own name in place of a PDF."""

    def __init__(self, name: str) -> None:
        self.name = name

    def render(self, html: str, *, title: str) -> bytes:
        return f"{self.name}:{title}:{len(html)}".encode()


# ---- the choice ----------------------------------------------------------------------------------


def test_wkhtmltopdf_is_taken_where_it_is(wkhtmltopdf: Wkhtmltopdf) -> None:
    chosen = choose_renderer()
    assert chosen is not None
    assert chosen.name == wkhtmltopdf.name
    assert chosen.name.startswith("wkhtmltopdf 0.12")


def test_weasyprint_is_taken_where_wkhtmltopdf_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    if find_weasyprint() is None:
        pytest.skip("WeasyPrint does not work here")
    monkeypatch.setenv("PATH", "/nowhere")
    chosen = choose_renderer()
    assert chosen is not None
    assert chosen.name.startswith("WeasyPrint 7")


def test_a_program_that_does_not_start_is_not_taken(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "wkhtmltopdf"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/usr/bin")
    assert find_wkhtmltopdf() is None


def test_there_may_be_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renderer_module, "find_wkhtmltopdf", lambda: None)
    monkeypatch.setattr(renderer_module, "find_weasyprint", lambda: None)
    assert choose_renderer() is None


@pytest.mark.parametrize("name", ["שלום", "مرحبا", "ދިވެހި"])
def test_right_to_left_text_goes_to_the_other_renderer(name: str) -> None:
    assert has_right_to_left(name)
    renderer = ByDirection(Named("usual"), lambda: Named("other"))
    assert renderer.render(name, title="T").startswith(b"other:T")
    assert ByDirection(Named("usual"), lambda: None).render(name, title="T").startswith(b"usual:T")


@pytest.mark.parametrize("name", ["Łódź", "北京", "서울", "Ωμέγα", "12.00"])
def test_all_other_text_goes_to_the_usual_one(name: str) -> None:
    def other() -> Renderer:
        pytest.fail("asked for the other")

    assert ByDirection(Named("usual"), other).render(name, title="T").startswith(b"usual:T")


# ---- the print -----------------------------------------------------------------------------------


def test_text_is_printed(renderer: Renderer) -> None:
    assert text_of(renderer.render(PAGE, title="T")) == "Total 12.00 EUR"


def test_a_millimetre_is_one_in_both_renderers(renderer: Renderer) -> None:
    assert widest_box_mm(renderer.render(PAGE, title="T")) == pytest.approx(100, abs=0.5)


def test_but_for_the_time_the_same_page_gives_the_same_bytes(renderer: Renderer) -> None:
    first, second = (without_times(renderer.render(PAGE, title="T")) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("text", ["Łódź", "Ωμέγα", "Жук", "שלום", "北京", "서울"])
def test_what_the_fonts_have_is_printed(renderer: Renderer, text: str) -> None:
    if missing_characters(text):
        pytest.skip("no font for it here")
    assert set(text_of(renderer.render(f"<p>{text}</p>", title="T"))) == set(text)


def test_a_broken_page_is_printed_as_browsers_would(renderer: Renderer) -> None:
    assert text_of(renderer.render("<table><td>a</p></b>b &copy", title="T")) == "a b ©"


# ---- what is read from the page ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "margins"),
    [
        ("@page { size: A4; margin: 18mm }", ("18", "18", "18", "18")),
        ("@page{margin:1mm 2mm}", ("1", "2", "1", "2")),
        ("@page { margin: 1mm 2mm 3mm; }", ("1", "2", "3", "2")),
        ("@page { margin: 1mm 2mm 3mm 4mm; size: A4 landscape }", ("1", "2", "3", "4")),
        ("@page { margin: 999mm }", ("15", "15", "15", "15")),
        ("@page { margin: 1mm --allow / }", ("15", "15", "15", "15")),
        ("@page { margin: 2cm }", ("15", "15", "15", "15")),
        ("", ("15", "15", "15", "15")),
    ],
)
def test_margins_are_those_of_the_first_page_rule(
    rule: str, margins: tuple[str, str, str, str]
) -> None:
    assert page_margins_mm(f"<style>{rule} @page {{ margin: 9mm }}</style>"[: 7 + len(rule)]) == (
        margins
    )


def test_a_page_may_lie_on_its_side() -> None:
    assert is_landscape("<style>@page { size: A4 landscape; margin: 5mm }</style>")
    assert not is_landscape("<style>@page { size: A4 }</style> landscape")


def test_meta_elements_are_taken_out() -> None:
    assert without_meta('a<meta charset="utf-8">b<META\nname=x content=">">c<meta ') == 'a b ">c '
    assert without_meta("<metal>") == "<metal>"


def test_meta_elements_in_pieces_are_no_meta_elements_afterwards() -> None:
    assert "<meta" not in without_meta("<me<meta x>ta name='pdfkit-allow'>")


def test_a_title_is_one_line_and_never_empty() -> None:
    assert plain_title("a\n--b\x00") == "a --b"
    assert plain_title(" \t") == "Document"
    assert len(plain_title("x" * 1000)) == 200


def test_an_error_says_what_was_wanted(renderer: Renderer) -> None:
    with pytest.raises(RenderingError, match=r"elsewhere\.invalid"):
        renderer.render('<img src="http://elsewhere.invalid/x.png">', title="T")
