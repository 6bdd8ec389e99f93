"""The entrance of gunicorn and `flask`: the application of this process's environment."""

from payments.settings import read_settings
from web.app import create_app

app = create_app(read_settings())
