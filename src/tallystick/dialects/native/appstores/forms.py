"""The query parameters of app-store lists."""

from typing import Literal

from pydantic import Field

from tallystick.dialects.native.forms import Key
from tallystick.dialects.native.queries import Listed
from tallystick.domain.appstores.port import Platform


class AppsQuery(Listed):
    platform: Platform | None = None
    app_id: Key | None = Field(None, description="A package's name, or Apple's number; exact.")
    tracked: Literal["true", "false"] | None = Field(
        None, description="Only apps that are fetched daily, or only those that are not."
    )


class KeywordsQuery(Listed):
    platform: Platform | None = None
    keyword: Key | None = Field(None, description="Exact, whatever its case.")
