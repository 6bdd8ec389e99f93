"""Whether documents can be made here."""

from payments.documents.fonts import missing_scripts
from payments.documents.renderer import choose_renderer
from payments.provider_checks import Check, State


def printing_checks() -> list[Check]:
    """Look for a renderer and for the fonts it needs."""
    return [_renderer(), _fonts()]


def _renderer() -> Check:
    renderer = choose_renderer()
    if renderer is None:
        detail = "neither wkhtmltopdf nor WeasyPrint (it needs Pango) works here: invoices wait"
        return Check("PDF renderer", State.WARN, detail)
    return Check("PDF renderer", State.OK, renderer.name)


def _fonts() -> Check:
    lacking = missing_scripts()
    if lacking:
        detail = f"no letters of {', '.join(lacking)}: documents that need them wait for a font"
        return Check("Fonts", State.WARN, detail)
    return Check(
        "Fonts", State.OK, "Latin to Arabic to Chinese can be printed; other scripts as fonts allow"
    )
