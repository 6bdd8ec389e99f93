"""Charts in requests."""

from marshmallow import fields, validate

from web.schemas.fields import StrictSchema
from web.schemas.reports import as_of, asset, by, day_from, day_to


class ChartQuery(StrictSchema):
    """Of which part of the books a chart is wanted; without a period, of the last 90 days."""

    from_ = day_from()
    to = day_to()
    as_of = as_of()
    by = by()
    asset = asset()
    width = fields.String(
        load_default="wide",
        validate=validate.OneOf(["wide", "narrow"]),
        metadata={"description": "How wide it is drawn; narrow is for phones."},
    )

    def on_bind_field(self, field_name: str, field_obj: fields.Field[object]) -> None:
        """Name `from_` as the query does, and have the asset given."""
        if field_name == "from_":
            field_obj.data_key = "from"
        if field_name == "asset":
            field_obj.required = True
