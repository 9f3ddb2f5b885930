// Comfort only: every page works without this. Buttons that copy text appear where copying works.
if (navigator.clipboard) {
  for (const button of document.querySelectorAll("button[data-copy]")) {
    const label = button.textContent;
    button.hidden = false;
    button.addEventListener("click", async () => {
      const source = document.getElementById(button.dataset.copy);
      await navigator.clipboard.writeText(source.textContent.replace(/\s+/g, " ").trim());
      button.textContent = button.dataset.done;
      setTimeout(() => { button.textContent = label; }, 2000);
    });
  }
}

// Suggestions under the question box: a combobox as the ARIA Authoring Practices describe it.
for (const box of document.querySelectorAll("input[data-suggest]")) suggest(box);

function suggest(box) {
  const list = element("div", { id: "suggestions", role: "listbox", class: "suggestions", "aria-label": box.dataset.label });
  const status = element("span", { role: "status", class: "sr" });
  let options = [], active = -1, waiting, asking, asked = box.value.trim();
  list.hidden = true;
  box.form.append(list, status);
  set(box, { role: "combobox", "aria-expanded": "false", "aria-controls": list.id, "aria-autocomplete": "list" });

  box.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(ask, 150);
  });
  box.addEventListener("keydown", event => {
    if (event.isComposing) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && list.hidden && options.length) open();
    else if (step && options.length) move((active + 1 + step + options.length + 1) % (options.length + 1) - 1);
    else if (event.key === "Escape" && !list.hidden) close();
    else if (event.key === "Enter" && active >= 0) choose(options[active]);
    else return;
    event.preventDefault();
  });
  box.addEventListener("blur", close);
  list.addEventListener("mousedown", event => event.preventDefault()); // the box keeps the focus
  list.addEventListener("click", event => choose(event.target.closest("[role=option]")));

  async function ask() {
    const typed = box.value.trim();
    if (typed === asked) return;
    asked = typed;
    asking?.abort();
    if (typed.length < 2) return show({ groups: [] });
    asking = new AbortController();
    try {
      const answer = await fetch(`${box.dataset.suggest}?q=${encodeURIComponent(typed)}`, { signal: asking.signal });
      if (answer.ok) show(await answer.json());
    } catch (error) {
      if (error.name !== "AbortError") close();
    }
  }
  function show(found) {
    options = [];
    list.replaceChildren(...found.groups.map(group => {
      const name = element("div", { id: `suggested-${group.kind}`, class: "kind", role: "presentation" }, group.label);
      const held = element("div", { role: "group", "aria-labelledby": name.id });
      held.append(name, ...group.items.map(option));
      return held;
    }));
    if (options.length && document.activeElement === box) open();
    else close();
    status.textContent = options.length ? found.status : "";
  }
  function option(item) {
    const made = element("div", { role: "option", id: `suggestion-${options.length}`, "aria-selected": "false", "data-url": item.url }, item.text);
    if (item.language) made.lang = item.language;
    made.dir = "auto";
    options.push(made);
    return made;
  }
  function open() {
    list.hidden = false;
    box.setAttribute("aria-expanded", "true");
  }
  function close() {
    list.hidden = true;
    box.setAttribute("aria-expanded", "false");
    move(-1);
  }
  function move(to) {
    options[active]?.setAttribute("aria-selected", "false");
    active = to;
    if (active < 0) return box.removeAttribute("aria-activedescendant");
    options[active].setAttribute("aria-selected", "true");
    options[active].scrollIntoView({ block: "nearest" });
    box.setAttribute("aria-activedescendant", options[active].id);
  }
  function choose(chosen) {
    if (chosen) location.assign(chosen.dataset.url);
  }
}

function element(name, attributes, text = "") {
  const made = document.createElement(name);
  set(made, attributes);
  made.textContent = text;
  return made;
}

function set(one, attributes) {
  for (const [name, value] of Object.entries(attributes)) one.setAttribute(name, value);
}
