"""What browsers may load on each kind of page: everything is forbidden, then little is allowed.

The pages of a checkout are the platform's own, not ours: their policy stands in docs/security.md,
and the sandbox's shop has it (sandbox/shop/content_policy.py).
"""

Policy = dict[str, str]
"""A content policy, from directive to sources."""

# An answer that is no page: shown as one all the same, it loads, sends and frames nothing.
API_POLICY: Policy = {
    "default-src": "'none'",
    "base-uri": "'none'",
    "object-src": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
}

# The description of the API: a style sheet, and nothing that runs.
DOCS_POLICY: Policy = API_POLICY | {"style-src": "'self'"}

# The console: pictures, its style sheet, its own forms, and modules of our own origin, which call
# nothing but our own API. Nothing inline runs.
CONSOLE_POLICY: Policy = API_POLICY | {
    "script-src": "'self'",
    "connect-src": "'self'",
    "img-src": "'self'",
    "style-src": "'self'",
    "form-action": "'self'",
}

# What no page of ours uses, also not by whatever might be smuggled into one.
_UNUSED_FEATURES = (
    "accelerometer",
    "browsing-topics",
    "camera",
    "display-capture",
    "geolocation",
    "gyroscope",
    "hid",
    "magnetometer",
    "microphone",
    "midi",
    "payment",
    "publickey-credentials-get",
    "serial",
    "usb",
)

PERMISSIONS: Policy = dict.fromkeys(_UNUSED_FEATURES, "()")
"""The permissions policy; the platform's checkout pages allow `payment` themselves."""
