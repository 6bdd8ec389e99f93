"""One escrow that cannot be followed, for whatever reason, does not keep the others."""

from sqlalchemy import create_engine, text

from tests.payments.watching.stage import Stage

_REFUSE = text("""
    CREATE FUNCTION strongroom.refuse_one() RETURNS trigger LANGUAGE plpgsql
      AS $$ BEGIN RAISE EXCEPTION 'not this one'; END $$
""")
_TRIGGER = """
    CREATE TRIGGER refuse_one BEFORE UPDATE ON strongroom.payments FOR EACH ROW
      WHEN (OLD.id = '{payment_id}') EXECUTE FUNCTION strongroom.refuse_one()
"""
_END = text("DROP FUNCTION strongroom.refuse_one() CASCADE")


def test_an_escrow_that_cannot_be_booked_is_told_of_and_tried_again(stage: Stage) -> None:
    escrow, other = stage.deployed(), stage.deployed()
    stage.watch()
    owner = create_engine(stage.engine.url)
    with owner.begin() as connection:
        connection.execute(_REFUSE)
        connection.execute(text(_TRIGGER.format(payment_id=escrow.payment_id)))
    stage.deposit(escrow)
    stage.deposit(other)
    figures = stage.mine_and_watch(3)
    assert figures["stuck"] == 1
    assert stage.effects(escrow)["deposited"].state == "seen", "what happened is kept"
    assert stage.escrow(other).status == "funded"
    with owner.begin() as connection:
        connection.execute(_END)
    owner.dispose()
    assert stage.mine_and_watch()["stuck"] == 0
    assert stage.escrow(escrow).status == "funded"
    assert stage.broken() == []
