# mypy: disallow-subclassing-any=False
# (the framework has no types: every class of it is Any)
"""The views: signing in, refreshing and the profile as AppVector's original had them, and every field at once."""

from typing import Any

from django.urls import path
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework_simplejwt.authentication import JWTStatelessUserAuthentication
from rest_framework_simplejwt.views import TokenRefreshView

from . import appvector


class SignIn(serializers.Serializer):
    access_token = serializers.CharField()


class GoogleView(APIView):
    """Knows no token of Google's."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    def post(self, request: Request) -> Response:
        SignIn(data=request.data).is_valid(raise_exception=True)
        return Response(
            {"error": "Invalid token", "detail": "The token is invalid or has expired"}, status=400
        )


class MeView(APIView):
    authentication_classes = (JWTStatelessUserAuthentication,)
    permission_classes = (IsAuthenticated,)

    def get(self, request: Request) -> Response:
        return Response({"id": request.user.id})


class Everything(serializers.Serializer):
    name = serializers.CharField(max_length=10)
    code = serializers.CharField(required=False, allow_blank=True, trim_whitespace=False)
    note = serializers.CharField(allow_null=True, default="none")
    email = serializers.EmailField()
    url = serializers.URLField(required=False)
    count = serializers.IntegerField(min_value=1, max_value=1000)
    offset = serializers.IntegerField(default=0, allow_null=True)
    active = serializers.BooleanField()
    wanted = serializers.BooleanField(allow_null=True, required=False)
    kind = serializers.ChoiceField(choices=["stripe", "manual", "1"])
    metadata = serializers.DictField(required=False)
    country = serializers.RegexField("^[A-Za-z]{2}$", default="us")
    day = serializers.DateField(required=False)
    several = serializers.MultipleChoiceField(choices=["score", "ratings", "1"], required=False)


class EverythingView(APIView):
    """Says what was made of the fields."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    def post(self, request: Request) -> Response:
        return self._read(request, partial=False)

    def patch(self, request: Request) -> Response:
        return self._read(request, partial=True)

    def _read(self, request: Request, *, partial: bool) -> Response:
        serializer = Everything(data=request.data, partial=partial)
        serializer.is_valid(raise_exception=True)
        return Response(serializer.validated_data)


class EchoView(APIView):
    """Says what the body was read as."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    def post(self, request: Request) -> Response:
        data: Any = request.data
        if hasattr(data, "getlist"):
            data = {name: str(data[name]) for name in data}
        return Response({"read": data})


class NothingView(APIView):
    """Any address that is none of the contract's."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        self.headers = self.default_response_headers
        answer = self.handle_exception(NotFound())
        request = self.initialize_request(request, *args, **kwargs)
        return self.finalize_response(request, answer, *args, **kwargs)


urlpatterns = [
    path("api/auth/google/", GoogleView.as_view()),
    path("api/token/refresh/", TokenRefreshView.as_view()),
    path("api/me/", MeView.as_view()),
    path("everything/", EverythingView.as_view()),
    path("echo/", EchoView.as_view()),
    *appvector.urlpatterns,
]


def handler404(request: Any, exception: Any) -> Any:
    return NothingView.as_view()(request).render()
