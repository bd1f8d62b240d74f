"""What carries an alert to somebody: a block of Prefect's, of the kind that the address asks for.

Prefect's own block for webhooks in automations goes through no proxy and takes any answer for a good one; that for
notifications does neither. Of e-mail over SMTP it has none, only Apprise, which sends it, below blocks for single
services.
"""

import hashlib
from typing import Any
from urllib.parse import urlsplit

from prefect.blocks.abstract import NotificationBlock
from prefect.blocks.notifications import AppriseNotificationBlock, CustomWebhookNotificationBlock
from prefect.logging.loggers import disable_logger
from prefect.types import SecretDict
from pydantic import SecretStr

from rlrec.errors import RlrecError

WEBHOOKS = ("http", "https")
PREFIX = "rlrec-alert-"
"""Of the names of our blocks."""


class AlertError(RlrecError):
    """Nobody can be told at this address."""


class AppriseNotice(AppriseNotificationBlock):
    """A message to any address that Apprise knows, e.g. `mailtos://user:password@example.org?to=me@example.org`.

    The server that sends it must know this class: those that this project starts do (`flows/running/host.py`).
    """

    _block_type_name = "rlrec notice"
    _block_type_slug = "rlrec-notice"


KINDS: tuple[type[NotificationBlock], ...] = (CustomWebhookNotificationBlock, AppriseNotice)


def block_for(address: str) -> NotificationBlock:
    """The block that sends messages to an address.

    Args:
        address: of a webhook (`http`, `https`), which is sent JSON with `text`, `title` and `message`; or any of
            Apprise's.

    Raises:
        AlertError: it is no address.
    """
    if urlsplit(address).scheme in WEBHOOKS and urlsplit(address).hostname:
        return CustomWebhookNotificationBlock(
            name="rlrec",
            url="{{address}}",  # who has a webhook's address may write to it
            secrets=SecretDict({"address": address}),
            json_data={"text": "{{subject}}\n{{body}}", "title": "{{subject}}", "message": "{{body}}"},
        )
    from apprise import Apprise

    with disable_logger("apprise"):  # it would say the address
        known = Apprise().add(address)
    if not known:
        raise AlertError(
            f"{shown(address)} is no address: https://… of a webhook, mailtos://user:password@host?to=… or another "
            "of Apprise's"
        )
    return AppriseNotice(url=SecretStr(address))


def address_of(block: NotificationBlock) -> str:
    """Where a block sends its messages."""
    if isinstance(block, CustomWebhookNotificationBlock):
        return str(block.secrets.get_secret_value()["address"])
    return str(block.url.get_secret_value()) if isinstance(block, AppriseNotice) else ""


def name_of(address: str) -> str:
    """The name of an address's block: the same each time, and not the address, which may hold a password."""
    return f"{PREFIX}{hashlib.sha256(address.encode()).hexdigest()[:12]}"


def shown(address: str) -> str:
    """An address without what is secret of it."""
    scheme, there, rest = address.partition("://")
    if not there:
        return repr(address)
    return f"{scheme}://{rest.partition('/')[0].partition('?')[0].rpartition('@')[2]}/…"


def tell(block: NotificationBlock, subject: str, body: str) -> None:
    """Sends a message at once.

    Raises:
        AlertError: it was not taken, with the reason.
    """
    send: Any = block.notify  # in synchronous code it is no coroutine
    try:
        with block.raise_on_failure():
            send(body, subject)
    except Exception as error:  # of the kind that the block's library has
        said = getattr(error, "log", None) or str(error) or type(error).__name__
        secret = address_of(block)
        reason = " ".join(said.split()).replace(secret, shown(secret))
        raise AlertError(f"{shown(secret)} has not taken a message: {reason}") from error
