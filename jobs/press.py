"""What a job renders documents with: one renderer a process, chosen when it is first needed."""

import functools

from jobs.context import JobContext
from payments.documents.renderer import Renderer, choose_renderer
from payments.invoices.render_invoice import Press


def press_of(context: JobContext) -> Press:
    """Return the press of this process; without a renderer where none is installed."""
    return Press(_renderer(), context.cipher, context.clock)


@functools.cache
def _renderer() -> Renderer | None:
    return choose_renderer()
