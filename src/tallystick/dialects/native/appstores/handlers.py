"""What a tenant's customers looked at in the app stores."""

from typing import Annotated

from fastapi import Query, Response

from tallystick.dialects.native.auth import Here, Reader
from tallystick.dialects.native.once import answered
from tallystick.domain.appstores import views
from tallystick.domain.appstores.model import normal
from tallystick.http.paging import page_body

from . import forms, shapes


async def list_apps(native: Here, actor: Reader, query: Annotated[forms.AppsQuery, Query()]) -> Response:
    """List the apps that were fetched from a store, the newest first.

    Those that somebody asked for in the last 90 days are tracked: they are fetched once a day for their history.
    """
    tracked = None if query.tracked is None else query.tracked == "true"
    async with native.system.db.connection() as conn:
        page = await views.listings(
            conn,
            actor.tenant,
            platform=query.platform,
            app_id=query.app_id,
            tracked=tracked,
            before=query.after,
            limit=query.limit,
        )
    return answered(page_body(page.map(shapes.app)))


async def list_keywords(
    native: Here, actor: Reader, query: Annotated[forms.KeywordsQuery, Query()]
) -> Response:
    """List what was searched for in a store, and how often, the newest first.

    Keywords are in lower case; a search that failed does not count.
    """
    keyword = None if query.keyword is None else normal(query.keyword)
    async with native.system.db.connection() as conn:
        page = await views.keywords(
            conn,
            actor.tenant,
            platform=query.platform,
            keyword=keyword,
            before=query.after,
            limit=query.limit,
        )
    return answered(page_body(page.map(shapes.keyword)))
