"""gunicorn's settings of the process that signs: one worker, since only one asks at a time.

It listens on this machine alone unless it is told otherwise: whoever reaches it needs its token,
and still gets nothing signed that the database does not say.
"""

import os

bind = f"127.0.0.1:{os.environ.get('PORT', '8610')}"
workers = 1
worker_class = "gthread"
threads = 4

timeout = 60
graceful_timeout = 25
keepalive = 65

limit_request_line = 1024
limit_request_fields = 32
limit_request_field_size = 4096

loglevel = os.environ.get("LOG_LEVEL", "info").lower()
accesslog = None
control_socket_disable = True  # nothing of ours asks through it
logger_class = "web.gunicorn_lines.LineLogger"
