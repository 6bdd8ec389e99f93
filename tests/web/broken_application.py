"""An application of which gunicorn itself must tell that it fails."""


def application(_environ: object, _start_response: object) -> list[bytes]:
    """Fail as nothing of Flask's can catch."""
    raise RuntimeError("broken")
