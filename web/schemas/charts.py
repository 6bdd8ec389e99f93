"""Charts in requests."""

from marshmallow import fields, validate

from web.schemas.reports import PeriodSchema


class ChartQuery(PeriodSchema):
    """Of which part of the books a chart is wanted; without a period, of the last 90 days."""

    width = fields.String(
        load_default="wide",
        validate=validate.OneOf(["wide", "narrow"]),
        metadata={"description": "How wide it is drawn; narrow is for phones."},
    )

    def on_bind_field(self, field_name: str, field_obj: fields.Field[object]) -> None:
        """Have the asset given."""
        super().on_bind_field(field_name, field_obj)
        if field_name == "asset":
            field_obj.required = True
