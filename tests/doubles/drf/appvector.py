# mypy: disallow-subclassing-any=False
# (the framework has no types: every class of it is Any)
"""AppVector's other views, as far as bodies and parameters go: each looks at the credential, then at what was said.

The fields are those of the contract's tables of parameters, with the bounds that ours have. What is good answers 200.
"""

from datetime import timedelta
from typing import Any, Final

from django.urls import path
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework_simplejwt.authentication import JWTStatelessUserAuthentication
from rest_framework_simplejwt.tokens import AccessToken

MOST: Final = (2**53 - 1) // 1_000_000
"""Credits of one request."""
ANDROID: Final = ("score", "ratings", "installs", "price", "title", "version")
APPLE: Final = ("score", "ratings", "price", "title", "version")
"""Some of the fields that a history may be asked for."""


def _token() -> str:
    made = AccessToken()
    # it is made when the tests are collected, and a run of them takes longer than the framework's five minutes
    made.set_exp(lifetime=timedelta(days=1))
    made["user_id"] = 1
    return str(made)


TOKEN: Final = _token()
"""The credential of a user whom the framework knows."""


def _name() -> Any:
    return serializers.CharField(required=False, allow_null=True, allow_blank=True, max_length=255)


def _address() -> Any:
    return serializers.CharField(required=False, allow_null=True, allow_blank=True, max_length=2000)


class Place(serializers.Serializer):
    country = serializers.RegexField("^[A-Za-z]{2}$", default="us")
    language = serializers.RegexField("^[A-Za-z]{2}$", default="en")


class Search(Place):
    keyword = serializers.CharField(max_length=200)


class AndroidDetails(Place):
    app_id = serializers.CharField(max_length=255)
    force_refresh = serializers.BooleanField(default=False)


class AppleDetails(AndroidDetails):
    metadata_type = serializers.ChoiceField(["both", "fast", "slow"], default="both")


class AndroidHistory(Place):
    app_id = serializers.CharField(max_length=255)
    start_date = serializers.DateField(required=False)
    end_date = serializers.DateField(required=False)
    fields = serializers.MultipleChoiceField(choices=ANDROID, required=False)


class AppleHistory(Place):
    app_id = serializers.CharField(max_length=255)
    metadata_type = serializers.ChoiceField(["both", "fast", "slow"], default="both")
    start_date = serializers.DateField(required=False)
    end_date = serializers.DateField(required=False)


class Plan(serializers.Serializer):
    plan_id = _name()
    plan_tier = _name()
    billing_cycle = serializers.ChoiceField(["MONTHLY", "YEARLY"], required=False, allow_null=True)


class Cancel(serializers.Serializer):
    reason = serializers.CharField(required=False, allow_null=True, allow_blank=True, max_length=500)


class Consume(serializers.Serializer):
    feature_key = serializers.CharField(max_length=255)
    amount = serializers.IntegerField(min_value=1, max_value=MOST)
    metadata = serializers.DictField(required=False, allow_null=True)


class Check(serializers.Serializer):
    feature_key = serializers.CharField(max_length=255)
    metadata = serializers.DictField(required=False, allow_null=True)


class Checkout(Plan):
    success_url = _address()
    cancel_url = _address()


class CreditsCheckout(serializers.Serializer):
    feature_key = serializers.CharField(max_length=255)
    amount = serializers.IntegerField(min_value=1, max_value=MOST)
    success_url = _address()
    cancel_url = _address()


class CreditsHistory(serializers.Serializer):
    feature_key = serializers.CharField(required=False, allow_null=True, allow_blank=True, max_length=255)
    limit = serializers.IntegerField(min_value=1, max_value=1000, default=100)


class Payments(serializers.Serializer):
    limit = serializers.IntegerField(min_value=1, max_value=100, default=10)


class Invoices(serializers.Serializer):
    limit = serializers.IntegerField(min_value=1, max_value=500, default=100)


class Nothing(serializers.Serializer):
    pass


def _post(serializer: Any) -> Any:
    class View(APIView):
        authentication_classes = (JWTStatelessUserAuthentication,)
        permission_classes = (IsAuthenticated,)

        def post(self, request: Request) -> Response:
            serializer(data=request.data).is_valid(raise_exception=True)
            return Response({})

    return View.as_view()


def _get(serializer: Any) -> Any:
    class View(APIView):
        authentication_classes = (JWTStatelessUserAuthentication,)
        permission_classes = (IsAuthenticated,)

        def get(self, request: Request) -> Response:
            serializer(data=request.query_params).is_valid(raise_exception=True)
            return Response({})

    return View.as_view()


POSTED: Final[dict[str, Any]] = {
    "api/aso/android-search/": Search,
    "api/aso/apple-search/": Search,
    "api/aso/android-details/": AndroidDetails,
    "api/aso/apple-details/": AppleDetails,
    "api/aso/android-history/": AndroidHistory,
    "api/aso/apple-history/": AppleHistory,
    "api/billing/subscription/upgrade/": Plan,
    "api/billing/subscription/downgrade/": Plan,
    "api/billing/subscription/cancel/": Cancel,
    "api/billing/credits/consume/": Consume,
    "api/billing/features/check/": Check,
    "api/billing/features/consume/": Consume,
    "api/billing/stripe/checkout/": Checkout,
    "api/billing/stripe/checkout/credits/": CreditsCheckout,
}
READ: Final[dict[str, Any]] = {
    "api/billing/subscription/": Nothing,
    "api/billing/credits/": Nothing,
    "api/billing/credits/history/": CreditsHistory,
    "api/billing/usage/": Nothing,
    "api/billing/limits/": Nothing,
    "api/billing/features/": Nothing,
    "api/billing/features/workspace/": Nothing,
    "api/billing/invoices/": Invoices,
    "api/billing/stripe/payment-history/": Payments,
}

urlpatterns = [
    *(path(address, _post(serializer)) for address, serializer in POSTED.items()),
    *(path(address, _get(serializer)) for address, serializer in READ.items()),
]
