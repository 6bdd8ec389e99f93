"""gunicorn's settings: gevent workers, since most connections wait.

The access log is off: the application writes its own lines, redacted and with the request's id.
"""

import os
from pathlib import Path

bind = f"0.0.0.0:{os.environ.get('PORT', '8000')}"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
worker_class = "web.gunicorn_worker.Worker"
worker_connections = 8000  # requests and idle connections; streams have a limit of their own
backlog = 1024

timeout = 60  # a worker whose loop hangs this long is replaced
graceful_timeout = 25  # below the 30 s that most platforms wait after SIGTERM
keepalive = 65  # above the 60 s of common load balancers, so that they close first

limit_request_line = 4094
limit_request_fields = 64
limit_request_field_size = 16_380

loglevel = os.environ.get("LOG_LEVEL", "info").lower()
accesslog = None
control_socket_disable = True  # nothing of ours asks through it
logger_class = "web.gunicorn_lines.LineLogger"

_memory = Path("/dev/shm")  # noqa: S108 - workers' heartbeats, which must not wait for a disk
worker_tmp_dir = str(_memory) if _memory.is_dir() else None

# What proxies say is judged by the application alone (TRUSTED_PROXIES). By itself gunicorn lets
# whoever calls from this machine say that HTTPS was used, and even which path is meant.
forwarded_allow_ips = ""
forwarder_headers = ""
secure_scheme_headers: dict[str, str] = {}
