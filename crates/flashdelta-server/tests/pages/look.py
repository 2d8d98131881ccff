"""Looks at the pages of the service in Chromium: python look.py PROGRAM FOLDER

A server is started in FOLDER, and a roll-out staged through its pages without JavaScript. Then
every page is looked at in light and dark, 400 and 1600 pixels wide: nothing on the console, nothing
wider than the window, and nothing that axe finds. Screenshots stay in FOLDER.
"""

import hashlib
import os
import pathlib
import shutil
import sys

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

from running import Server  # noqa: E402

FIRMWARE = pathlib.Path(__file__).parents[4] / "testdata" / "firmware"
WIDTHS = [400, 1600]
SCHEMES = ["light", "dark"]
PAGES = {
    "overview": "/ui",
    "products": "/ui/products",
    "product": "/ui/products/heron",
    "changes": "/ui/products/heron/changes",
    "rollouts": "/ui/rollouts",
    "rollout-new": "/ui/products/heron/rollouts/new",
    "devices": "/ui/devices",
    "device-failed": "/ui/devices/h-1",
    "device": "/ui/devices/h-2",
    "savings": "/ui/savings",
    "keys": "/ui/keys",
    "audit": "/ui/audit",
    "account": "/ui/account",
    "not-found": "/ui/devices/nobody",
}
EMPTY = ["overview", "products", "rollouts", "devices", "savings"]


class Looker:
    def __init__(self, browser, server, folder):
        self.browser, self.server, self.folder = browser, server, folder
        self.faults, self.looked = [], 0
        self.axe = Axe()

    def context(self, scheme="light", width=1600, script=True):
        return self.browser.new_context(
            base_url=self.server.url, color_scheme=scheme, java_script_enabled=script,
            viewport={"width": width, "height": 900})

    def sign_in(self, page):
        page.goto("/ui")
        page.get_by_label("Name").fill("admin")
        page.get_by_label("Password").fill(self.server.password)
        page.get_by_role("button", name="Sign in").click()
        assert page.get_by_role("heading", level=1).inner_text() == "Overview", page.content()

    def look(self, page, name, scheme, width):
        """Looks at the page that is open."""
        self.looked += 1
        what = f"{name}, {scheme}, {width}"
        page.screenshot(path=self.folder / f"{name}-{width}-{scheme}.png", full_page=True)
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        if wide > 0:
            self.faults.append(f"{what}: {wide} pixels wider than the window")
        found = self.axe.run(page).response["violations"]
        for violation in found:
            nodes = [node["html"][:160] for node in violation["nodes"][:3]]
            self.faults.append(f"{what}: {violation['id']}: {violation['help']}: {nodes}")

    def visit(self, names, prefix=""):
        """Looks at these pages in all ways."""
        for scheme in SCHEMES:
            for width in WIDTHS:
                context = self.context(scheme, width)
                page = context.new_page()
                page.on("console", lambda message: self.console(page, message.text))
                page.on("pageerror", lambda error: self.console(page, str(error)))
                page.goto("/ui")
                self.look(page, prefix + "login", scheme, width)
                self.sign_in(page)
                for name in names:
                    page.goto(PAGES[name])
                    self.look(page, prefix + name, scheme, width)
                context.close()

    def console(self, page, text):
        # That a page is not there, the browser says as well.
        if "404" not in text or "nobody" not in page.url:
            self.faults.append(f"{page.url}: on the console: {text}")


def stage(looker):
    """What an operator does, without JavaScript, from nothing to a roll-out."""
    context = looker.context(script=False)
    page = context.new_page()
    looker.sign_in(page)
    page.get_by_role("link", name="Enter a product").click()
    page.get_by_label("Name").fill("heron")
    page.get_by_label("Title").fill("Heron, a sensor <b>&amp;</b>")
    page.get_by_role("button", name="Enter the product").click()
    for version in ["1.0", "1.1"]:
        page.get_by_label("Version").fill(version)
        page.get_by_label("File").set_input_files(FIRMWARE / f"cortex-m-{version}.bin")
        page.get_by_role("button", name="Upload the release").click()
        assert page.get_by_role("status").is_visible(), page.content()
    tokens = {}
    for device in ["h-1", "h-2"]:
        page.goto("/ui/devices")
        page.get_by_label("Id").fill(device)
        page.get_by_label("Patches for").select_option("small")
        page.get_by_role("button", name="Enter the device").click()
        tokens[device] = page.locator("code.secret").inner_text()
    page.get_by_role("link", name="Go on").click()
    page.goto("/ui/products/heron")
    page.get_by_role("link", name="Roll out 1.1").click()
    page.get_by_label("100 %").check()
    page.get_by_role("button", name="Start the roll-out").click()
    assert page.get_by_text("The roll-out has begun.").is_visible(), page.content()
    page.get_by_role("button", name="Pause to 1.1").click()
    assert page.get_by_text("paused", exact=True).is_visible(), page.content()
    page.get_by_role("button", name="Resume to 1.1").click()
    assert page.get_by_text("running", exact=True).is_visible(), page.content()
    context.close()
    return tokens


def update(server, tokens):
    """Two devices ask; one fails, the other one arrives."""
    old, new = [hashlib.sha256((FIRMWARE / f"cortex-m-{version}.bin").read_bytes()).hexdigest()
                for version in ["1.0", "1.1"]]
    for device, token in tokens.items():
        status, headers, _ = server.request("GET", f"/v1/update?digest={old}", token)
        assert status == 200, status
        if device == "h-1":
            report = {"action": int(headers["x-flashdelta-action"]), "result": "failure",
                      "message": "flash: sector 7 does not erase"}
            server.request("POST", "/v1/update/report", token, report)
        else:
            assert server.request("GET", f"/v1/update?digest={new}", token)[0] == 204


def keyboard(looker):
    """The first stop of the keyboard leads past the navigation, and all stops are seen."""
    context = looker.context(width=400)
    page = context.new_page()
    looker.sign_in(page)
    page.keyboard.press("Tab")
    seen = page.evaluate("document.activeElement.textContent")
    if seen != "Skip to the contents" or not page.get_by_text(seen).is_visible():
        looker.faults.append(f"the keyboard's first stop: {seen}")
    page.keyboard.press("Enter")
    if page.evaluate("document.activeElement.id") != "main":
        looker.faults.append("the link past the navigation does not lead there")
    page.keyboard.press("Tab")
    if page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "solid":
        looker.faults.append("what has the keyboard is not seen")
    context.close()


def main():
    program, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    server = Server(program, folder / "data")
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=os.environ.get("CHROMIUM") or shutil.which("chromium"),
                args=["--no-sandbox"])
            looker = Looker(browser, server, folder)
            looker.visit(EMPTY, "empty-")
            tokens = stage(looker)
            update(server, tokens)
            looker.visit(PAGES)
            keyboard(looker)
            browser.close()
    finally:
        server.kill()
    for fault in looker.faults:
        print(fault, file=sys.stderr)
    if looker.faults:
        sys.exit(f"{len(looker.faults)} faults; screenshots are in {folder}")
    print(f"{looker.looked} looks at the pages, without a fault")


main()
