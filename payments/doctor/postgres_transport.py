"""Whether what goes to PostgreSQL can be read or answered by others on the way."""

from sqlalchemy import Connection, text

from payments.doctor.places import leaves_the_machine, option
from payments.provider_checks import Check, State

NAME = "PostgreSQL TLS"


def postgres_transport(connection: Connection, url: str) -> Check:
    """Look at the connection and its URL: over a network, only TLS with the right certificate.

    Without `sslmode=verify-full`, libpq takes any certificate, or none:
    https://www.postgresql.org/docs/current/libpq-ssl.html
    """
    if not leaves_the_machine(url):
        return Check(NAME, State.OK, "not needed: it is on this machine")
    mode = option(url, "sslmode") or "prefer"
    if mode != "verify-full":
        detail = {
            "verify-ca": "a certificate of any other host is believed",
            "require": "whoever answers is believed",
        }.get(mode, "passwords and personal data may cross the network in clear")
        change = "add sslmode=verify-full&sslrootcert=/path/to/ca.pem to DATABASE_URL"
        return Check(NAME, State.FAIL, f"sslmode is {mode}: {detail}", change)
    used = connection.execute(
        text("SELECT version, cipher FROM pg_stat_ssl WHERE pid = pg_backend_pid() AND ssl")
    ).one_or_none()
    if used is None:
        # A proxy on the way has the certificate, and speaks plainly behind it.
        return Check(NAME, State.OK, "with the certificate checked, ended before PostgreSQL")
    return Check(NAME, State.OK, f"{used.version}, with the server's certificate checked")
