"""Bugs of security: second factors, two people, ended secrets, calls out, the audit log, limits."""

from tests.planted.bug import Bug, Edit

OUTGOING_TESTS = "tests/payments/outgoing/test_calls.py"

SECURITY = (
    Bug(
        "dangerous acts take no fresh second factor",
        (
            Edit(
                "web/authentication.py",
                "fresh=action in DANGEROUS,",
                "fresh=False,",
            ),
        ),
        ("tests/security/test_callers.py", "-k", "fresh_second_factor"),
    ),
    Bug(
        "two keys of one person are two people",
        (
            Edit(
                "payments/access/four_eyes.py",
                "    if caller.person == first or session.execute(_ONE_HAND, people).scalar_one():",
                "    if caller.principal == first:",
            ),
        ),
        ("tests/security/test_two_people.py", "-k", "two_keys_of_one_person"),
    ),
    Bug(
        "a secret of the environment stays live when it is revoked",
        (
            Edit(
                "payments/secret_versions/live.py",
                "            if row.revoked_at is not None:\n                continue\n",
                "            if row.revoked_at is not None and row.origin != ENVIRONMENT:\n"
                "                continue\n",
            ),
            Edit(
                "payments/secret_versions/source.py",
                "        if (one.ends_at is None or one.ends_at > now)\n",
                "        if (one.ends_at is None or one.ends_at > now or one.from_environment)\n",
            ),
        ),
        ("tests/payments/secret_versions/test_live_secrets.py",),
    ),
    Bug(
        "a bank's event from the future is accepted",
        (
            Edit(
                "payments/providers/truelayer/events.py",
                "    if abs((now - sent_at).total_seconds()) > TOLERANCE_S:\n",
                "    if (now - sent_at).total_seconds() > TOLERANCE_S:\n",
            ),
        ),
        ("tests/payments/providers/truelayer/test_webhook_signatures.py",),
    ),
    Bug(
        "a call to an address that somebody entered follows redirects",
        (
            Edit(
                "payments/outgoing/calls.py",
                "                answer = self._post(target, body, headers)\n",
                "                answer = self._post(target, body, headers)\n"
                '                while "location" in answer.headers:\n'
                '                    again = read_target(answer.headers["location"],'
                " private_networks=self._private_networks)\n"
                "                    answer = self._post(again, body, headers)\n",
            ),
        ),
        (OUTGOING_TESTS, "-k", "redirect"),
    ),
    Bug(
        "a name is checked by its first address alone",
        (
            Edit(
                "payments/outgoing/calls.py",
                "        check_reach(target, addresses, private_networks=self._private_networks)\n",
                "        check_reach(target, addresses[:1],"
                " private_networks=self._private_networks)\n",
            ),
        ),
        (OUTGOING_TESTS, "-k", "private_address"),
    ),
    Bug(
        "an IPv4 address within one of IPv6 is not looked at",
        (
            Edit(
                "payments/outgoing/addresses.py",
                "    if address in _NAT64:\n"
                "        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)\n",
                "",
            ),
            Edit(
                "payments/outgoing/addresses.py",
                "    if address.ipv4_mapped is not None:\n        return address.ipv4_mapped\n",
                "    if address.ipv4_mapped is not None:\n"
                '        return ipaddress.ip_address("2606:4700::1111")\n',
            ),
        ),
        ("tests/payments/outgoing/test_targets.py", "-k", "every_form"),
    ),
    Bug(
        "a deed is written after the change has committed",
        (
            Edit(
                "payments/audit/write_deeds.py",
                '    event.listen(Session, "before_commit", _write)\n',
                "",
            ),
        ),
        ("tests/payments/audit/test_deeds.py",),
    ),
    Bug(
        "nobody counts requests while Redis is away",
        (
            Edit(
                "web/request_counts.py",
                "        return _hit(self._alone, item, whom)\n",
                "        return 0.0\n",
            ),
        ),
        ("tests/security/test_limits.py", "-k", "row_21"),
    ),
    Bug(
        "what is encrypted with a closed key is written all the same",
        (
            Edit(
                "migrations/sql/0010_security/2_privacy.sql",
                "      IF FOUND THEN\n        RAISE EXCEPTION 'the key of",
                "      IF FALSE THEN\n        RAISE EXCEPTION 'the key of",
            ),
        ),
        ("tests/payments/test_data_keys.py", "tests/payments/test_rotate_encryption.py"),
    ),
    Bug(
        "a reference may be a card number",
        (
            Edit(
                "web/references.py",
                "    if holds_card_number(reference):\n",
                "    if False:\n",
            ),
        ),
        ("tests/security/test_card_numbers.py",),
    ),
    Bug(
        "an origin is trusted by how it begins",
        (
            Edit(
                "web/headers.py",
                'origins=[re.compile(re.escape(origin) + r"\\Z") for',
                "origins=[re.compile(re.escape(origin)) for",
            ),
        ),
        ("tests/security/test_browser_headers.py", "-k", "row_08"),
    ),
    Bug(
        "a worker may change people",
        (
            Edit(
                "migrations/sql/0010_security/9_roles.sql",
                "    ('parties', 'SELECT, INSERT, UPDATE', 'SELECT', ''),\n",
                "    ('parties', 'SELECT, INSERT, UPDATE', 'SELECT, UPDATE', ''),\n",
            ),
        ),
        ("tests/security/test_database_rights.py",),
    ),
)
