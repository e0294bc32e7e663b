"""Take a picture of every page at its real size: a demo hall of its own, a few people in it, a real browser.

    tools/screenshots.py [--into FOLDER] [NAME…]

The pictures go to docs/images unless told otherwise; with names, only those are taken.
"""

import argparse
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import requests
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
KIOSK, BOARD, PHONE, DESKTOP = (1080, 1920), (1920, 1080), (390, 844), (1366, 768)
PAGES = {"home": DESKTOP, "kiosk": KIOSK, "board": BOARD, "console": DESKTOP, "desk": DESKTOP, "manager": DESKTOP}
PHONES = ("phone-waiting", "phone-called")
# As the demo prints it: http://host:port/kiosk/licheng#token=… or http://host:port/desk   login / password
ADDRESS = re.compile(r"(?P<url>http://[^/]+/(?P<name>\w*)\S*)(?: +(?P<login>\S+) / (?P<password>\S+))?")
CLOSED_COUNTERS = (1, 4, 9, 16, 22)  # the first is left to the agent whose console is pictured
APPLICANTS = 70


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Demo:
    """A demo hall in a process and a folder of its own; `pages` is what it printed."""

    def __init__(self, folder: str):
        self.environment = {**os.environ, "DATA_DIR": folder, "DATABASE_URL": "", "REDIS_URL": ""}
        self.port = free_port()
        command = [sys.executable, "run.py", "demo", "--port", str(self.port)]
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self.pages: dict[str, dict[str, str]] = {}
        for line in self.process.stdout or ():
            if found := ADDRESS.search(line):
                self.pages.setdefault(found["name"] or "home", found.groupdict())
            elif "listens on" in line:
                break
        self.hall = self.pages["kiosk"]["url"].partition("#")[0].rpartition("/")[2]
        self.await_ready()

    def await_ready(self) -> None:
        for _ in range(100):
            try:
                requests.get(f"http://127.0.0.1:{self.port}/readyz", timeout=1)
                return
            except requests.ConnectionError:
                time.sleep(0.1)
        raise TimeoutError("the demo does not answer")

    def token(self, role: str, *more: str) -> str:
        command = [sys.executable, "run.py", "token", "--role", role, "--hall", self.hall, *more]
        return subprocess.check_output(command, cwd=ROOT, env=self.environment, text=True).split()[-1]

    def ask(self, method: str, path: str, token: str, body: dict | None = None) -> dict:
        url = f"http://127.0.0.1:{self.port}/api/v1/halls/{self.hall}{path}"
        answer = requests.request(method, url, json=body, headers={"Authorization": f"Bearer {token}"}, timeout=10)
        answer.raise_for_status()
        return answer.json() if answer.content else {}

    def fill(self) -> dict[str, str]:
        """People take numbers, counters call some; addresses of a waiting and of a called applicant's page."""
        kiosk = self.pages["kiosk"]["url"].partition("#token=")[2]
        items = [one["code"] for one in self.ask("GET", "/items", kiosk)["items"]]
        tickets = {}
        for turn in range(APPLICANTS):  # 7 apart, so that most queues get somebody
            wish = {"items": [items[turn * 7 % len(items)]], "channel": "kiosk"}
            ticket = self.ask("POST", "/tickets", kiosk, wish)
            tickets[ticket["id"]] = f"http://127.0.0.1:{self.port}/t/{ticket['id']}"
        called = None
        for counter in self.ask("GET", "", kiosk)["counters"]:
            number = counter["counter"]
            if number in CLOSED_COUNTERS:
                continue
            device = self.token("counter", "--counter", str(number))
            self.ask("POST", f"/counters/{number}/open", device, {})
            ticket = self.ask("POST", f"/counters/{number}/call", device, {})
            if ticket and called and number % 4:
                self.ask("POST", f"/counters/{number}/begin", device, {"ticket": ticket["id"]})
            called = called or ticket.get("id")
        if called is None:
            raise RuntimeError("nobody was called")
        waiting = next(reversed(tickets))
        return {"phone-waiting": tickets[waiting], "phone-called": tickets[called]}

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)


def sign_in(page: Page, base: str, login: str, password: str) -> None:
    page.goto(f"{base}/signin")
    page.fill("input[name=login]", login)
    page.fill("input[name=password]", password)
    page.press("input[name=password]", "Enter")
    page.wait_for_url(lambda url: "/signin" not in url)


def picture(browser: Browser, demo: Demo, url: str, size: tuple[int, int], into: Path, who: dict[str, str]) -> None:
    width, height = size
    context = browser.new_context(viewport={"width": width, "height": height}, locale="zh-CN")
    page = context.new_page()
    page.on("console", lambda message: print(f"{into.stem}: {message.text}") if message.type == "error" else None)
    page.on("pageerror", lambda error: print(f"{into.stem}: {error}"))
    if who.get("login"):
        sign_in(page, f"http://127.0.0.1:{demo.port}", who["login"], who["password"])
    page.goto(url)
    if into.stem == "console":  # which counter do you work at today?
        page.locator("[data-counter]").first.click()
    page.wait_for_timeout(2500)  # feeds connect, fonts and blinking settle
    page.screenshot(path=into)
    context.close()
    print(into.name)


def main() -> None:
    options = argparse.ArgumentParser(description="pictures of every page at its real size")
    options.add_argument("--into", type=Path, default=ROOT / "docs/images")
    options.add_argument("names", nargs="*", metavar="NAME", help=f"of: {', '.join([*PAGES, *PHONES])}")
    chosen = options.parse_args()
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        sys.exit("No Chromium here: install the package chromium.")
    chosen.into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        demo = Demo(folder)
        try:
            phones = demo.fill()
            browser = playwright.chromium.launch(
                executable_path=chromium, args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
            )
            for name in chosen.names or [*PAGES, *PHONES]:
                who = demo.pages.get(name, {})
                url, size = phones.get(name) or who["url"], PAGES.get(name, PHONE)
                picture(browser, demo, url, size, chosen.into / f"{name}.png", who)
            browser.close()
        finally:
            demo.stop()


if __name__ == "__main__":
    main()
