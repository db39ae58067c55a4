/** Menus by keyboard: arrows, Home and End move in them; Esc shuts them and gives the focus back to their button. */

export function watchMenus() {
  document.addEventListener("toggle", ({ target }) => showWhole(target), true);
  document.addEventListener("click", ({ target }) => {
    for (const menu of document.querySelectorAll("details.menu[open]"))
      if (!menu.contains(target) || target.closest(".menu-list button")) shut(menu);
  });
  document.addEventListener("focusout", ({ target, relatedTarget }) => {
    const menu = relatedTarget && target.closest("details.menu[open]");
    if (menu && !menu.contains(relatedTarget)) menu.open = false;
  });
  document.addEventListener("keydown", (event) => {
    const menu = event.target.closest("details.menu");
    if (menu && pressed(menu, event.key)) event.preventDefault(); // so that Esc leaves a dialog around it open
  });
}

function showWhole(menu) {
  if (menu.matches("details.menu[open]")) menu.querySelector(".menu-list").scrollIntoView({ block: "nearest" });
}

function shut(menu) {
  const focused = menu.contains(document.activeElement);
  menu.open = false;
  if (focused) menu.querySelector("summary").focus();
}

/** Whether the key meant something to this menu. */
function pressed(menu, key) {
  if (key === "Escape" && menu.open) {
    shut(menu);
    return true;
  }
  const items = [...menu.querySelectorAll(".menu-list button")];
  const last = items.length - 1;
  const at = items.indexOf(document.activeElement);
  const to = { ArrowDown: at < last ? at + 1 : 0, ArrowUp: at > 0 ? at - 1 : last, Home: 0, End: last }[key];
  if (to === undefined || (!menu.open && !key.startsWith("Arrow"))) return false;
  menu.open = true;
  items[to].focus();
  return true;
}
