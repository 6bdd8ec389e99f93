"""The table of mappings."""

import datetime as dt

from sqlalchemy.orm import Mapped, mapped_column

from payments.database import Base


class AccountMapping(Base):
    """An account of a package for a control account of ours, or for one account of ours."""

    __tablename__ = "account_mappings"

    package: Mapped[str] = mapped_column(primary_key=True)
    control: Mapped[str] = mapped_column(primary_key=True)
    code: Mapped[str]
    tax_code: Mapped[str | None]
    updated_by: Mapped[str]
    updated_at: Mapped[dt.datetime]
