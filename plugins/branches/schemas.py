"""Requests and responses of branches."""

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, validates_schema

from aasim_core.errors import Problem
from aasim_core.schemas.fields import Choice, Date, Id, ListOf, Object, Patterned, Text, Timezone
from aasim_core.schemas.schema import RecordOut, Schema

from .models import ACTIVE, INACTIVE

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_TIME = ("(?:[01][0-9]|2[0-3]):[0-5][0-9]|24:00", 'a time of day, such as "09:00"; midnight at the end of the day is "24:00"')


class AddressIn(Schema):
    """A branch's address."""

    street = Text(1, 200, example="Main Street 1")
    postal_code = Text(1, 20)
    city = Text(1, 120, example="Vienna")
    region = Text(1, 120)
    country = Patterned("[A-Z]{2}", 'a two-letter country code (ISO 3166-1), such as "AT"', example="AT")


class HoursIn(Schema):
    """A branch's opening hours on one day of the week."""

    day = Choice(*DAYS, required=True)
    opens = Patterned(*_TIME, required=True, example="09:00")
    closes = Patterned(*_TIME, required=True, example="17:00")

    @validates_schema
    def require_an_order(self, data: Mapping[str, Any], **_: Any) -> None:
        """Raise for hours that end before they begin; hours past midnight are two entries."""
        if data.get("opens", "") >= data.get("closes", "25"):
            message = "Write a time after opens; for hours past midnight write a second entry for the next day."
            raise ValidationError({"closes": [Problem("out_of_range", message)]})


class BranchIn(Schema):
    """A branch in a request."""

    name = Text(1, 120, required=True, example="Vienna")
    code = Text(1, 32, allow_none=True, load_default=None, description="Unique in the organization.", example="VIE")
    address = Object(AddressIn, allow_none=True, load_default=None)
    timezone = Timezone(load_default="UTC", example="Europe/Vienna")
    business_hours = ListOf(Object(HoursIn), 50, load_default=list, description="In the branch's time zone.")
    holidays = ListOf(Date(), 400, unique=True, load_default=list, description="Days on which it is closed.")
    manager_id = Id("user", allow_none=True, load_default=None, description="An active member.")
    status = Choice(ACTIVE, INACTIVE, load_default=ACTIVE)


class BranchOut(RecordOut):
    """A branch in a response."""

    id = Id("branch", required=True)
    name = Text(required=True)
    code = Text(required=True, allow_none=True)
    address = Object(AddressIn, required=True, allow_none=True)
    timezone = Text(required=True)
    business_hours = ListOf(Object(HoursIn), required=True)
    holidays = ListOf(Date(), 400, required=True)
    manager_id = Id("user", required=True, allow_none=True)
    status = Choice(ACTIVE, INACTIVE, required=True)
