"""The job that encrypts everything anew, with the rights of a worker."""

import dataclasses
import datetime as dt

from sqlalchemy import Engine, select

from jobs.context import connect_context
from jobs.encrypt_anew import encrypt_anew
from payments.at_rest.request_rotation import JOB
from payments.at_rest.retire_keys import CLOSE_AFTER
from payments.database import transaction
from payments.delivery.tables import OutboxRow
from payments.privacy.data_keys import connect_cipher
from tests.jobs.environment import KEYSET, make_settings
from tests.payments.test_data_keys import NOW, add_party, rotate, states


def test_it_walks_comes_back_and_retires_the_old_key(
    fresh_engine: Engine, fresh_database_url: str, redis_url: str
) -> None:
    cipher = connect_cipher(fresh_engine, KEYSET)
    add_party(fresh_engine, cipher, "Ada")
    rotate(fresh_engine, keyset=KEYSET)
    settings = make_settings(database_url=fresh_database_url, redis_url=redis_url)
    made = connect_context(settings)
    assert encrypt_anew(dataclasses.replace(made, clock=lambda: NOW), {})["runs_done"] == 1
    with transaction(fresh_engine) as session:
        due = session.scalars(select(OutboxRow.due_at).where(OutboxRow.job == JOB)).all()
    assert NOW in due  # asked for by the rotation
    later = dataclasses.replace(made, clock=lambda: NOW + CLOSE_AFTER + dt.timedelta(seconds=1))
    assert encrypt_anew(later, {})["keys_retired"] == 1
    assert states(fresh_engine, keyset=KEYSET) == [(2, "newest", 3), (1, "retired", 0)]
    made.engine.dispose()
    made.bell.close()
