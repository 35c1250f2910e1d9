"""Features, plans and packages."""

from typing import Final

from tallystick.dialects.native.table import Cold

from . import handlers, planning, shapes

# fmt: off
ROUTES: Final[list[Cold]] = [
    Cold("GET", "/v2/features", handlers.list_features, 200, shapes.Feature, "Catalog", listed=True),
    Cold("POST", "/v2/features", handlers.create_feature, 201, shapes.Feature, "Catalog"),
    Cold("GET", "/v2/features/{feature}", handlers.read_feature, 200, shapes.Feature, "Catalog"),
    Cold("PATCH", "/v2/features/{feature}", handlers.patch_feature, 200, shapes.Feature, "Catalog"),
    Cold("DELETE", "/v2/features/{feature}", handlers.delete_feature, 200, shapes.Feature, "Catalog"),

    Cold("GET", "/v2/plans", planning.list_plans, 200, shapes.Plan, "Catalog", listed=True),
    Cold("POST", "/v2/plans", planning.create_plan, 201, shapes.Plan, "Catalog"),
    Cold("GET", "/v2/plans/{plan}", planning.read_plan, 200, shapes.Plan, "Catalog"),
    Cold("PATCH", "/v2/plans/{plan}", planning.patch_plan, 200, shapes.Plan, "Catalog"),
    Cold("DELETE", "/v2/plans/{plan}", planning.delete_plan, 200, shapes.Plan, "Catalog"),
    Cold("GET", "/v2/plans/{plan}/versions", planning.list_plan_versions, 200, shapes.PlanVersion, "Catalog",
         listed=True),
    Cold("GET", "/v2/plans/{plan}/versions/{version}", planning.read_plan_version, 200, shapes.PlanVersion,
         "Catalog"),
    Cold("POST", "/v2/plans/{plan}/quote", planning.quote_plan, 200, shapes.Quote, "Catalog"),

    Cold("GET", "/v2/packages", handlers.list_packages, 200, shapes.Package, "Catalog", listed=True),
    Cold("POST", "/v2/packages", handlers.create_package, 201, shapes.Package, "Catalog"),
    Cold("GET", "/v2/packages/{package}", handlers.read_package, 200, shapes.Package, "Catalog"),
    Cold("PATCH", "/v2/packages/{package}", handlers.patch_package, 200, shapes.Package, "Catalog"),
    Cold("DELETE", "/v2/packages/{package}", handlers.delete_package, 200, shapes.Package, "Catalog"),
]
# fmt: on
