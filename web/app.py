"""Makes the Flask application: what surrounds every request, then the routes."""

from flask import Flask

from payments.database import API_ROLE
from payments.log_lines import configure_log_lines
from payments.settings import Settings
from web.authentication import install_authentication
from web.bodies import install_body_limits
from web.deeds import install_deeds
from web.errors import install_errors
from web.headers import install_headers
from web.limits import install_limits
from web.openapi import install_openapi
from web.parts import install_parts, make_parts
from web.rehearsals import install_rehearsals
from web.request_counts import RequestCounts
from web.request_scope import install_request_scope
from web.ring_after import install_ringing
from web.routes import (
    alerts,
    audit,
    bank_search,
    charts,
    console,
    console_alerts,
    console_audit,
    console_dead_letters,
    console_escrows,
    console_finance,
    console_incidents,
    console_orders,
    console_payments,
    console_pending,
    console_periods,
    console_reconciliation,
    console_releases,
    console_restores,
    console_runbooks,
    console_search,
    console_secrets,
    console_webhooks,
    dead_letters,
    docs,
    duplicates,
    encryption,
    escrow,
    events,
    exports,
    health,
    incidents,
    invoices,
    journal_entries,
    keys,
    ledger,
    mappings,
    metrics,
    notices,
    ops,
    ops_freezes,
    ops_pending,
    ops_restores,
    orders,
    parties,
    payments,
    payouts,
    periods,
    reconciliation,
    reconciliation_desk,
    refunds,
    releases,
    reports,
    search,
    secrets,
    self_test,
    seller_payouts,
    sessions,
    status,
    webhook_reports,
    webhooks,
)
from web.standstill import install_standstill
from web.stream_hub import StreamHub
from web.streams import install_streams
from web.trusted_proxies import TrustedProxies

BLUEPRINTS = (
    sessions.blueprint,
    parties.blueprint,
    orders.blueprint,
    payments.blueprint,
    refunds.blueprint,
    releases.blueprint,
    escrow.blueprint,
    payouts.blueprint,
    seller_payouts.blueprint,
    reconciliation.blueprint,
    reconciliation_desk.blueprint,
    events.blueprint,
    webhooks.blueprint,
    ops.blueprint,
    ops_freezes.blueprint,
    ops_restores.blueprint,
    ops_pending.blueprint,
    dead_letters.blueprint,
    webhook_reports.blueprint,
    incidents.blueprint,
    alerts.blueprint,
    search.blueprint,
    bank_search.blueprint,
    self_test.blueprint,
    duplicates.blueprint,
    notices.blueprint,
    invoices.blueprint,
    ledger.blueprint,
    mappings.blueprint,
    journal_entries.blueprint,
    periods.blueprint,
    reports.blueprint,
    exports.blueprint,
    charts.blueprint,
    keys.blueprint,
    audit.blueprint,
    secrets.blueprint,
    encryption.blueprint,
    status.blueprint,
    health.blueprint,
)

CONSOLE = (
    console,
    console_search,
    console_payments,
    console_orders,
    console_escrows,
    console_finance,
    console_runbooks,
    console_releases,
    console_webhooks,
    console_reconciliation,
    console_secrets,
    console_audit,
    console_periods,
    console_pending,
    console_dead_letters,
    console_restores,
    console_incidents,
    console_alerts,
)


def create_app(settings: Settings, *, role: str = API_ROLE) -> Flask:
    """Return the application; connections are opened by the first request that needs one.

    It works as the database's `role`: that of web processes, or of commands.
    """
    configure_log_lines(settings.log_level)
    app = Flask(__name__, static_folder=None, template_folder="pages")
    app.debug = False  # whatever FLASK_DEBUG says
    app.json.sort_keys = False  # type: ignore[attr-defined] # answers read in the schema's order
    parts = make_parts(settings, role=role)
    install_parts(app, parts)
    install_streams(app, StreamHub(parts.engine, settings.redis_url))
    install_request_scope(app)
    install_ringing(app)
    install_headers(app, settings)
    install_authentication(app)
    install_standstill(app)
    install_limits(app, RequestCounts(settings.redis_url))
    install_deeds(app)
    install_rehearsals(app)
    install_body_limits(app)
    api = install_openapi(app)
    install_errors(app)
    for blueprint in BLUEPRINTS:
        api.register_blueprint(blueprint)
    app.register_blueprint(docs.blueprint)
    app.register_blueprint(metrics.blueprint)
    for pages in CONSOLE:
        app.register_blueprint(pages.blueprint)
    app.wsgi_app = TrustedProxies(app.wsgi_app, settings.trusted_proxies)  # type: ignore[method-assign] # Flask's documented way
    return app
