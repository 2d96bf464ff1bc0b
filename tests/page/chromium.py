"""Chromium without a window, driven by selenium: what it takes to look at a page of one's own as a reader does."""

import json
import time

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

NUMBERS = {"Escape": 27, "Enter": 13}
DRIVER = "/usr/bin/chromedriver"
PATIENCE = 20  # seconds until a condition that does not come true is a failure


class Browser:
    def __init__(self, width=1280, height=900):
        options = webdriver.ChromeOptions()
        # A container's root has no sandbox and little shared memory.
        for argument in ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--no-first-run",
                         "--disable-background-networking", "--disable-component-update", "--hide-scrollbars"]:
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(service=Service(DRIVER), options=options)
        self.driver.set_script_timeout(PATIENCE)
        self.resize(width, height)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.driver.quit()

    def command(self, name, **parameters):
        return self.driver.execute_cdp_cmd(name, parameters)

    def js(self, body, *arguments):
        """The value of a JavaScript function's body."""
        return self.driver.execute_script(body, *arguments)

    def wait(self, condition, what, patience=PATIENCE):
        """The first true value of condition(); what was waited for stands in the error otherwise."""
        end = time.monotonic() + patience
        while True:
            value = condition()
            if value:
                return value
            if time.monotonic() > end:
                raise TimeoutError(f"in {patience} s never: {what}")
            time.sleep(0.005)

    def wait_js(self, expression, what, *arguments, patience=PATIENCE):
        return self.wait(lambda: self.js(f"return {expression}", *arguments), what, patience)

    def resize(self, width, height):
        self.command("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def prefer(self, scheme):
        """What the system of the reader prefers: "light" or "dark"."""
        self.command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def open(self, address):
        """Opens it anew, also where only the part after # differs."""
        self.driver.get("about:blank")
        self.driver.get(address)

    def hover(self, x, y):
        self.command("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def press(self, key, code=None):
        """A key as it is pressed: a character, or a name such as "ArrowDown"."""
        typed = {"text": key} if len(key) == 1 else {}
        number = NUMBERS.get(key, 0)  # by which Chromium itself knows keys, such as the one that closes dialogs
        for kind in ["keyDown", "keyUp"]:
            self.command("Input.dispatchKeyEvent", type=kind, key=key, code=code or key, windowsVirtualKeyCode=number, **typed)
            typed = {}

    def click(self, selector):
        """With the mouse, as a reader does: it fails where something else lies on top."""
        self.driver.find_element("css selector", selector).click()

    def choose(self, selector, value):
        """An option of a select."""
        self.js("const [select, value] = [document.querySelector(arguments[0]), arguments[1]];"
                "select.value = value;"
                "for (const event of ['input', 'change']) select.dispatchEvent(new Event(event, {bubbles: true}));",
                selector, value)

    def screenshot(self, path):
        self.driver.save_screenshot(str(path))

    def errors(self):
        """What the console has said since the last call, from warnings up."""
        return [entry["message"] for entry in self.driver.get_log("browser")
                if entry["level"] in ("WARNING", "SEVERE")]

    def requests(self):
        """The addresses asked for since the last call, without data: and blank pages."""
        asked = []
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                asked.append(message["params"]["request"]["url"])
        return [address for address in asked if not address.startswith(("data:", "blob:", "about:"))]
