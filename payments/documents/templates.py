"""The pages documents are made from: files of `pages/`, whatever is put in escaped."""

import functools
from importlib.resources import files

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup


@functools.cache
def page_template(name: str) -> Template:
    """Return the template `pages/<name>.html`; what it lacks is an error, not a blank."""
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(_read(f"{name}.html"))


def page_style(name: str) -> Markup:
    """Return the style sheet `pages/<name>.css`, to be put into its page."""
    return Markup(_read(f"{name}.css"))  # noqa: S704 - our own file


def _read(name: str) -> str:
    return files("payments.documents").joinpath("pages", name).read_text(encoding="utf-8")
