"""Batches: the commands of `commands.KINDS` under one roof, each with its ``type``, its ``key`` and its target."""

from typing import Annotated, Any, Final, Literal, Union

import msgspec
from pydantic import Field, create_model

from .commands import KINDS, Kind
from .forms import Account, Form, Id, Key

MOST: Final = 1000


def _struct(kind: Kind) -> Any:
    """The kind's body with what the path says elsewhere."""
    own: list[Any] = [("key", str | None, None)]
    if kind.target is not None:
        own.insert(0, (kind.target, str))
    return msgspec.defstruct(
        f"Batch{kind.body.__name__}",
        own,
        bases=(kind.body,),
        tag=kind.name,
        tag_field="type",
        kw_only=True,
        forbid_unknown_fields=True,
        rename={"from_": "from"} if kind.name == "transfer" else None,
    )


def _form(kind: Kind) -> Any:
    own: dict[str, Any] = {"type": (Literal[kind.name], ...), "key": (Key | None, None)}
    if kind.target is not None:
        own[kind.target] = (Account if kind.target == "account" else Id, ...)
    return create_model(f"Batch{kind.form.__name__}", __base__=kind.form, **own)


FORMS: Final[dict[str, Any]] = {kind.name: _form(kind) for kind in KINDS.values()}
_STRUCTS: Final[dict[str, Any]] = {kind.name: _struct(kind) for kind in KINDS.values()}
KIND_OF: Final[dict[type, Kind]] = {struct: KINDS[name] for name, struct in _STRUCTS.items()}
_One: Final[Any] = Union[tuple(_STRUCTS.values())]  # noqa: UP007 - made of a list


class Batch(Form):
    """``atomic``: all or none."""

    commands: list[Annotated[Union[tuple(FORMS.values())], Field(discriminator="type")]] = Field(  # type: ignore[valid-type]  # noqa: UP007
        max_length=MOST
    )
    atomic: bool | None = None


class Envelope(Form):
    """A batch whose commands are looked at one by one."""

    commands: list[Any] = Field(max_length=MOST)
    atomic: bool | None = None


class _Whole(msgspec.Struct, forbid_unknown_fields=True):
    commands: Annotated[list[_One], msgspec.Meta(max_length=MOST)]
    atomic: bool | None = None


class _Raw(msgspec.Struct, forbid_unknown_fields=True):
    commands: Annotated[list[msgspec.Raw], msgspec.Meta(max_length=MOST)]
    atomic: bool | None = None


class Result(msgspec.Struct, omit_defaults=True):
    """What became of one command: the status and body that its own endpoint would have answered."""

    status: int
    body: Any


class Results(msgspec.Struct):
    results: list[Result]


decode_whole: Final = msgspec.json.Decoder(_Whole).decode
decode_raw: Final = msgspec.json.Decoder(_Raw).decode
decode_one: Final = msgspec.json.Decoder(_One).decode
