// The page: two tabs, and what is in them.
import { $ } from "./dom.js";
import { startFlashTab } from "./flash_tab.js";
import { flashdelta } from "./library.js";
import { startPatchTab } from "./patch_tab.js";

const tabs = [...document.querySelectorAll("[role=tab]")];

function select(tab) {
  for (const other of tabs) {
    const isSelected = other === tab;
    other.setAttribute("aria-selected", String(isSelected));
    other.tabIndex = isSelected ? 0 : -1;
    $(other.getAttribute("aria-controls")).hidden = !isSelected;
  }
}

for (const [i, tab] of tabs.entries()) {
  tab.addEventListener("click", () => select(tab));
  tab.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = tabs[(i + step + tabs.length) % tabs.length];
    select(next);
    next.focus();
  });
}

// A file that is dropped beside its area does not replace the page.
for (const event of ["dragover", "drop"]) {
  window.addEventListener(event, (dropped) => dropped.preventDefault());
}

if (location.hash === "#patch") select($("tab-patch"));
startFlashTab();
startPatchTab();
flashdelta.build().then(({ version }) => ($("version").textContent = version));
