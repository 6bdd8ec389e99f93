import json
from collections.abc import Callable

import pytest
from flask import Flask, Response
from flask.testing import FlaskClient
from psycopg.errors import AdminShutdown, DeadlockDetected, DiskFull, UniqueViolation
from sqlalchemy.exc import IntegrityError, OperationalError

import ledger.errors
import payments.errors
from payments.errors import DeclinedError, InProgressError, UnavailableError
from web.errors import STATUSES, status_of
from web.policies import public

MEMBERS = {"type", "title", "status", "code", "errors", "request_id"}


def raising(app: Flask, error: Exception) -> FlaskClient:
    """A client of an application with a route that fails at /boom."""

    @public("a test")
    def boom() -> str:
        raise error

    app.add_url_rule("/boom", view_func=boom)
    return app.test_client()


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/nowhere", 404, "not_found"),
        ("GET", "/api/payments/not-an-id", 404, "not_found"),
        ("DELETE", "/api/parties", 405, "method_not_allowed"),
        ("POST", "/api/parties", 401, "unauthorized"),
        ("POST", "/api/webhooks/stripe", 400, "invalid_signature"),
    ],
)
def test_every_refusal_is_a_problem(
    client: FlaskClient, method: str, path: str, status: int, code: str
) -> None:
    answer = client.open(path, method=method)
    assert answer.content_type == "application/problem+json"
    problem = answer.get_json()
    assert problem.keys() >= MEMBERS
    assert (answer.status_code, problem["status"], problem["code"]) == (status, status, code)
    assert problem["request_id"] == answer.headers["X-Request-Id"]


def test_405_says_what_is_allowed(client: FlaskClient) -> None:
    assert client.delete("/api/orders").headers["Allow"] == "OPTIONS, POST"


def test_401_says_how_to_authenticate(client: FlaskClient) -> None:
    assert client.get("/api/keys").headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (RuntimeError("secret of the house"), 500, "internal"),
        (OperationalError("SELECT 1", {}, AdminShutdown()), 503, "unavailable"),
    ],
)
def test_what_goes_wrong_after_the_view_is_a_problem_as_well(
    app: Flask, error: Exception, status: int, code: str
) -> None:
    broken = [error]

    @app.after_request
    def fail(response: Response) -> Response:
        if broken:
            raise broken.pop()
        return response

    answer = app.test_client().get("/healthz")
    assert (answer.status_code, answer.get_json()["code"]) == (status, code)
    assert "secret of the house" not in answer.text


def test_an_unforeseen_error_tells_nothing(app: Flask, capsys: pytest.CaptureFixture[str]) -> None:
    answer = raising(app, RuntimeError("secret of the house")).get("/boom")
    assert answer.status_code == 500
    assert answer.get_json().keys() == MEMBERS
    assert "secret" not in answer.text
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    [line] = [line for line in lines if line["event"] == "unforeseen_error"]
    assert "secret of the house" in line["exception"]
    assert line["request_id"] == answer.get_json()["request_id"]


def test_a_decline_says_what_to_do_next(app: Flask) -> None:
    error = DeclinedError("The card was declined.", stripe_code="generic", next_step="try_again")
    answer = raising(app, error).get("/boom")
    assert answer.status_code == 402
    problem = answer.get_json()
    assert problem["code"] == "card_declined"
    assert problem["message"] == "The card was declined."
    assert (problem["stripe_code"], problem["next_step"]) == ("generic", "try_again")


@pytest.mark.parametrize(
    ("error", "status", "seconds"),
    [(InProgressError("Wait.", retry_after_s=2), 409, "2"), (UnavailableError("No."), 503, "5")],
)
def test_what_may_be_tried_again_says_when(
    app: Flask, error: Exception, status: int, seconds: str
) -> None:
    answer = raising(app, error).get("/boom")
    assert (answer.status_code, answer.headers["Retry-After"]) == (status, seconds)


@pytest.mark.parametrize("cause", [AdminShutdown, DeadlockDetected, DiskFull])
def test_a_database_that_cannot_now_is_503(app: Flask, cause: Callable[[], Exception]) -> None:
    answer = raising(app, OperationalError("SELECT", {}, cause())).get("/boom")
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0


def test_a_database_that_refuses_our_mistake_is_500(app: Flask) -> None:
    answer = raising(app, IntegrityError("INSERT", {}, UniqueViolation())).get("/boom")
    assert answer.status_code == 500


def test_every_error_of_the_domain_and_the_ledger_has_a_status() -> None:
    for module in (payments.errors, ledger.errors):
        for name, kind in vars(module).items():
            if (
                isinstance(kind, type)
                and issubclass(kind, Exception)
                and kind.__module__ == (module.__name__)
            ):
                known = any(base in STATUSES for base in kind.__mro__)
                assert known or kind is payments.errors.StrongroomError, name
    assert status_of(ledger.errors.ClosedPeriodError("")) == 409
