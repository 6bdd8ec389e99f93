"""Every route says which action it is, or why anybody may use it."""

import pytest

from payments.settings import read_settings
from tests.architecture.routes import Route, routes_of
from tests.architecture.sources import ROOT
from tests.web.conftest import environment
from web.app import create_app
from web.policies import POLICIES, public_reason_of

PUBLIC = {
    "GET /healthz",
    "GET /readyz",
    "GET /api/status",
    "GET /api/openapi.json",
    "GET /api/docs",
    "GET /api/docs.css",
    "GET /console/console.css",
    "GET /console/icon.svg",
    "GET /console/scripts/<name:script>.js",
    "POST /api/webhooks/stripe",
    "POST /api/webhooks/bank",
    "DELETE /api/session",
}


@pytest.fixture(scope="module")
def routes() -> list[Route]:
    nowhere = "postgresql://a:b@127.0.0.1:9/c"
    environ = environment(database_url=nowhere, redis_url="redis://127.0.0.1:9")
    return routes_of(create_app(read_settings(environ)))


def test_every_route_has_a_policy_or_is_listed_as_public(routes: list[Route]) -> None:
    for route in routes:
        is_public = bool(public_reason_of(route.view))
        assert (route.action in POLICIES) != is_public, str(route)
    assert {str(route) for route in routes if public_reason_of(route.view)} == PUBLIC


def test_no_policy_is_left_without_a_route(routes: list[Route]) -> None:
    assert {route.action for route in routes} - {None} == set(POLICIES)


def test_every_file_of_routes_is_served(routes: list[Route]) -> None:
    files = {file.stem for file in (ROOT / "web" / "routes").glob("[a-z]*.py")}
    assert {route.endpoint.split(".")[0] for route in routes} == files | {"api-docs"}
