"""The entrance of gunicorn and `flask`: the application of this process's environment."""

from payments import crash_points
from payments.settings import read_settings
from payments.telemetry.measuring import begin_measuring
from payments.telemetry.tracing import begin_tracing
from web.app import create_app

settings = read_settings()
crash_points.arm(settings.crash_at)
begin_measuring(settings.telemetry.metrics_folder, role="web")
begin_tracing(settings.telemetry.traces_url, role="web")
app = create_app(settings)
