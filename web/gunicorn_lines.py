"""gunicorn's own messages, written as our log lines."""

from gunicorn import glogging

from payments.log_lines import configure_log_lines


class LineLogger(glogging.Logger):  # type: ignore[misc] # gunicorn has no types
    """Hands gunicorn's messages to the root logger, which redacts and writes them as JSON."""

    def setup(self, cfg: object) -> None:
        """Replace gunicorn's output by ours."""
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True
        configure_log_lines(self.cfg.loglevel.upper())
