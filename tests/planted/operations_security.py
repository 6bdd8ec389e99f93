"""Bugs of operations that let in, show or forget: console, searches, self-tests, dead letters."""

from tests.planted.bug import Bug, Edit

ATTACKS = "tests/security/test_operations.py"

OPERATIONS_SECURITY = (
    Bug(
        "what somebody typed is markup on a page of the console",
        (
            Edit(
                "web/pages/console/incident.html",
                "<h1>{{ incident.title }} {{",
                "<h1>{{ incident.title|safe }} {{",
            ),
        ),
        (ATTACKS, "-k", "becomes_markup"),
    ),
    Bug(
        "an act is sent as a query while its script has not come",
        (
            Edit(
                "web/pages/console/secrets.html",
                '<form method="dialog" data-call="POST /api/secrets/',
                '<form data-call="POST /api/secrets/',
            ),
        ),
        (ATTACKS, "-k", "gets_into_an_address"),
    ),
    Bug(
        "whoever searches for bank money reads names",
        (
            Edit(
                "web/routes/bank_search.py",
                "cipher=parts.cipher if caller.role in _READ_NAMES else None,",
                "cipher=parts.cipher,",
            ),
        ),
        (ATTACKS, "-k", "names_at_banks"),
    ),
    Bug(
        "nobody knows as whom a self-test signed in",
        (
            Edit(
                "web/stream_self_test.py",
                "        note_subjects([who])",
                "        note_subjects([])",
            ),
        ),
        (ATTACKS, "-k", "listened_as"),
    ),
    Bug(
        "account and telephone numbers are shown in dead letters",
        (
            Edit(
                "payments/dead_letters/mask.py",
                "known = (_ID, _UUID, _MOMENT)",
                'known = (_ID, _UUID, _MOMENT, re.compile("[0-9]{1,12}"))',
            ),
        ),
        (ATTACKS, "-k", "numbers_of_people"),
    ),
)
