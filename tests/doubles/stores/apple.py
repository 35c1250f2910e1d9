"""Apple's App Store, on a port of this machine: `/search` and `/lookup` as the iTunes Search API documents them.

Written from https://performance-partners.apple.com/search-api and what the two addresses answer: JSON that is called
``text/javascript``, one object with ``resultCount`` and ``results``; an app's rating is missing where nobody rated it.

    with AppleDouble() as apple:
        apple.put(310633997, trackName="WhatsApp Messenger", averageUserRating=4.694)
        apple.finds("messaging", 310633997, 874139669)
        Apple(apple.url)                    # or Settings(app_store_url=apple.url)
        apple.fault = "status"              # and see edge.py
"""

import json
from typing import Any

from .edge import Answer, Asked, StoreEdge

MEDIA = "text/javascript; charset=utf-8"


class AppleDouble(StoreEdge):
    """A running App Store. Apps are sold everywhere, unless `put` says where."""

    def __init__(self) -> None:
        super().__init__()
        self._apps: dict[int, dict[str, Any]] = {}
        self._sold_in: dict[int, tuple[str, ...]] = {}
        self._found: dict[str, list[int]] = {}

    def put(self, track_id: int, *, sold_in: tuple[str, ...] = (), **values: Any) -> dict[str, Any]:
        """An app, or other values of one that is there already. ``values`` by Apple's names; None takes away."""
        known = self._apps.get(track_id) or app(track_id)
        self._apps[track_id] = {name: value for name, value in (known | values).items() if value is not None}
        self._sold_in[track_id] = sold_in
        return self._apps[track_id]

    def remove(self, track_id: int) -> None:
        """It is sold no more."""
        del self._apps[track_id]

    def finds(self, keyword: str, *track_ids: int) -> None:
        """What a keyword finds, in that order. Those that are no apps yet are made."""
        for track_id in track_ids:
            if track_id not in self._apps:
                self.put(track_id)
        self._found[keyword] = list(track_ids)

    def answer(self, asked: Asked) -> Answer:
        query = asked.query
        if asked.path == "/search" and "term" in query:
            most = min(int(query.get("limit", "50")), 200)
            found = self._sold(self._found.get(query["term"], []), query)[:most]
        elif asked.path == "/lookup" and query.get("id", "").isdigit():
            found = self._sold([int(query["id"])], query)
        else:
            return _said(400, {"errorMessage": "Invalid value(s) for key(s): [id]"})
        return _said(200, {"resultCount": len(found), "results": found})

    def changed(self, asked: Asked) -> Answer:
        return _said(200, {"data": {"apps": [{"type": "apps", "id": "310633997", "attributes": {}}]}})

    def _sold(self, track_ids: list[int], query: dict[str, str]) -> list[dict[str, Any]]:
        country = query.get("country", "us").lower()
        found = []
        for track_id in track_ids:
            sold_in = self._sold_in.get(track_id, ())
            if track_id in self._apps and (not sold_in or country in sold_in):
                view = f"https://apps.apple.com/{country}/app/app/id{track_id}?uo=4"
                found.append({"trackViewUrl": view} | self._apps[track_id])
        return found


def app(track_id: int) -> dict[str, Any]:
    """An app as Apple tells it, made for tests."""
    art = f"https://is1-ssl.mzstatic.com/image/thumb/Purple/{track_id}"
    return {
        "wrapperType": "software",
        "kind": "software",
        "trackId": track_id,
        "trackName": f"App {track_id}",
        "trackCensoredName": f"App {track_id}",
        "bundleId": f"com.example.app{track_id}",
        "artistId": 310634000,
        "artistName": "Example Inc.",
        "sellerName": "Example Inc.",
        "sellerUrl": "https://www.example.com",
        "artistViewUrl": "https://apps.apple.com/us/developer/example-inc/id310634000?uo=4",
        "primaryGenreName": "Social Networking",
        "primaryGenreId": 6005,
        "genres": ["Social Networking", "Utilities"],
        "genreIds": ["6005", "6002"],
        "averageUserRating": 4.5,
        "averageUserRatingForCurrentVersion": 4.5,
        "userRatingCount": 1000,
        "userRatingCountForCurrentVersion": 1000,
        "price": 0.00,
        "formattedPrice": "Free",
        "currency": "USD",
        "version": "1.0",
        "minimumOsVersion": "15.1",
        "description": "An app.\nWith two lines.",
        "releaseNotes": "We fixed bugs.",
        "releaseDate": "2009-05-04T02:43:46Z",
        "currentVersionReleaseDate": "2025-10-27T15:07:12Z",
        "contentAdvisoryRating": "12+",
        "trackContentRating": "12+",
        "languageCodesISO2A": ["EN", "DE"],
        "fileSizeBytes": "207826944",
        "artworkUrl60": f"{art}/60x60bb.jpg",
        "artworkUrl100": f"{art}/100x100bb.jpg",
        "artworkUrl512": f"{art}/512x512bb.jpg",
        "screenshotUrls": [f"{art}/392x696bb.png", f"{art}/2/392x696bb.png"],
        "ipadScreenshotUrls": [],
        "appletvScreenshotUrls": [],
        "supportedDevices": ["iPhone5s-iPhone5s", "iPadAir-iPadAir"],
        "features": ["iosUniversal"],
        "advisories": [],
        "isGameCenterEnabled": False,
        "isVppDeviceBasedLicensingEnabled": True,
    }


def _said(status: int, value: dict[str, Any]) -> Answer:
    # Apple's own has blank lines before and after
    return Answer(status, b"\n\n\n" + json.dumps(value, ensure_ascii=False).encode() + b"\n\n\n", MEDIA)
