"""Works through what is due at the provider: one that fails does not stop the others."""

from collections.abc import Callable, Iterable

from payments.errors import UnavailableError
from payments.log_lines import get_logger, lines_about

_DOWN_AFTER = 3
"""So many in a row without an answer, and the provider is taken for down: the rest waits."""

_log = get_logger(__name__)


def work_one_by_one(
    due: Iterable[str], work: Callable[[str], str], *, put_off: Callable[[str], None]
) -> list[str]:
    """Do `work` for each id and return what came of each; `put_off` those that did not work."""
    outcomes: list[str] = []
    silent = 0
    for subject_id in due:
        try:
            with lines_about(subject_id=subject_id):
                outcomes.append(work(subject_id))
            silent = 0
        except UnavailableError as error:
            _log.warning("provider_silent", subject_id=subject_id, error=error.detail)
            put_off(subject_id)
            outcomes.append("no_answer")
            silent += 1
            if silent == _DOWN_AFTER:
                break
        except Exception:  # noqa: BLE001 - whatever it was, the others are not to wait for it
            _log.exception("not_resolved", subject_id=subject_id)
            put_off(subject_id)
            outcomes.append("failed")
    return outcomes
