#!/usr/bin/env bash
# prefect 3.9.1: the block `Webhook`, which automations call, goes through no proxy and takes a refusal for success.
#
# It gives httpx a transport of its own, and httpx then leaves HTTP_PROXY and HTTPS_PROXY unread. The block
# `CustomWebhookNotificationBlock` of the same package goes through the proxy. And where the other side answers 500,
# `Webhook.call` returns the response, and the action of the automation counts as done; the other block raises an error.
#
# Surprising, since two blocks of one package that call a webhook differ in both: behind a company's proxy, or with an
# address that has expired, alerts are lost and the automation's page says that all went well.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check prefect==3.9.1

export HOME="$folder" NO_PROXY= no_proxy=
cat > "$folder/ask.py" <<'PYTHON'
import asyncio
import os
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.blocks.webhook import Webhook

seen = []


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        seen.append(self.path)
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(500)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


http = HTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=http.serve_forever, daemon=True).start()
here = f"http://127.0.0.1:{http.server_port}"


def outcome(call):
    seen.clear()
    try:
        asyncio.run(call())
        said = "success"
    except Exception as error:
        said = type(error).__name__
    return f"{said}, asked for {seen}"


def webhook(url):
    return lambda: Webhook(url=url).call({"text": "hello"})


def notification(url):
    return lambda: CustomWebhookNotificationBlock(name="a", url=url, json_data={"text": "{{body}}"}).anotify("hello")


print("refused:", outcome(webhook(f"{here}/hook")), "|", outcome(notification(f"{here}/hook")))
for name in ("HTTP_PROXY", "http_proxy"):
    os.environ[name] = here
elsewhere = "http://webhook.invalid/hook"
print("behind a proxy:", outcome(webhook(elsewhere)), "|", outcome(notification(elsewhere)))
PYTHON
told=$("$folder/venv/bin/python" "$folder/ask.py")
echo "$told"
[[ "$told" == *"refused: success, asked for ['/hook'] | HTTPStatusError, asked for ['/hook']"* ]]
[[ "$told" == *"behind a proxy: ConnectError, asked for [] | HTTPStatusError, asked for ['http://webhook.invalid/hook']"* ]]
