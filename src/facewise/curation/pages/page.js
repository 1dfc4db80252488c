"use strict";
(() => {
  const about = JSON.parse(document.getElementById("about").textContent);
  const choices = about.choices;
  const tiles = [...document.querySelectorAll("button.tile")];
  const groups = [...document.querySelectorAll(".group")];
  const names = [...document.querySelectorAll("input.name")];
  const byId = new Map(tiles.map((tile) => [tile.dataset.id, tile]));
  const began = new Map(tiles.map((tile) => [tile.dataset.id, tile.dataset.choice]));
  const called = new Map(names.map((input) => [input.dataset.group, input.value]));
  const done = [];  // of what was changed, the way back
  const find = (id) => document.getElementById(id);
  const place = (key) => choices.findIndex((choice) => choice.key === key);
  const storage = "facewise " + about.page;
  let unsaved = false;

  function set(tile, key) {
    const [old, now] = [choices[place(tile.dataset.choice)], choices[place(key)]];
    tile.classList.remove(old.tone);
    tile.classList.add(now.tone);
    tile.dataset.choice = key;
    tile.querySelector(".word").textContent = now.label;
    const mine = key !== began.get(tile.dataset.id);
    tile.classList.toggle("overruled", mine);
    tile.querySelector(".mine").hidden = !mine;
  }

  function change(some, said) {  // [tile, key] …
    const real = some.filter(([tile, key]) => tile.dataset.choice !== key);
    if (!real.length) return;
    const back = real.map(([tile]) => [tile, tile.dataset.choice]);
    done.push(() => back.forEach(([tile, key]) => set(tile, key)));
    real.forEach(([tile, key]) => set(tile, key));
    after(said);
  }

  function after(said) {
    unsaved = true;
    tell();
    keep();
    if (said) find("said").textContent = said;
  }

  function overruled() {
    return tiles.filter((tile) => tile.dataset.choice !== began.get(tile.dataset.id));
  }

  function renamed() {
    return names.filter((input) => input.value !== called.get(input.dataset.group));
  }

  function tally(some) {
    const counts = new Map(choices.map((choice) => [choice.key, 0]));
    some.forEach((tile) => counts.set(tile.dataset.choice, counts.get(tile.dataset.choice) + 1));
    return counts;
  }

  function tell() {
    const counts = tally(tiles);
    for (const choice of choices)
      find("count-" + choice.key).textContent = counts.get(choice.key).toLocaleString("en");
    const changed = overruled().length + renamed().length;
    find("count-overruled").textContent = changed.toLocaleString("en");
    find("undo").disabled = !done.length;
    for (const group of groups) {
      const own = group.querySelectorAll("button.tile");
      const spot = group.querySelector(".tally");
      if (!own.length) continue;
      const mine = tally([...own]);
      spot.textContent = choices.filter((c) => mine.get(c.key))
        .map((c) => mine.get(c.key) + " " + c.label.toLowerCase()).join(", ");
    }
  }

  function keep() {
    const found = {
      choices: Object.fromEntries(overruled().map((t) => [t.dataset.id, t.dataset.choice])),
      names: Object.fromEntries(renamed().map((input) => [input.dataset.group, input.value])),
    };
    try { localStorage.setItem(storage, JSON.stringify(found)); } catch { /* not here */ }
  }

  function recall() {
    let found;
    try { found = JSON.parse(localStorage.getItem(storage)); } catch { return; }
    for (const [id, key] of Object.entries(found?.choices ?? {}))
      if (byId.has(id) && place(key) >= 0) set(byId.get(id), key);
    for (const input of names) {
      const name = found?.names?.[input.dataset.group];
      if (typeof name === "string") input.value = name;
    }
    unsaved = overruled().length + renamed().length > 0;
  }

  function next(tile) {
    const key = choices[(place(tile.dataset.choice) + 1) % choices.length].key;
    change([[tile, key]], tile.querySelector(".caption").textContent + ": " +
      choices[place(key)].label);
  }

  function decisions() {
    return {
      format: about.format, version: about.version, kind: about.kind, made: about.made,
      choices: Object.fromEntries(tiles.map((tile) => [tile.dataset.id, tile.dataset.choice])),
      overruled: overruled().map((tile) => tile.dataset.id),
      names: Object.fromEntries(names.map((input) => [input.dataset.group, input.value.trim()])),
    };
  }

  function save() {
    const text = JSON.stringify(decisions(), null, 1) + "\n";
    const address = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    const link = document.createElement("a");
    link.href = address;
    link.download = about.file;
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 60000);
    unsaved = false;
    find("said").textContent = "Decisions exported as " + about.file;
  }

  function show() {
    const which = find("filter").value;
    const text = find("search").value.trim().toLowerCase();
    for (const group of groups) {
      const named = group.dataset.title.toLowerCase().includes(text);
      let any = false;
      for (const item of group.querySelectorAll("li")) {
        const tile = item.querySelector(".tile");
        const fits = which === "" || tile.dataset.choice === which ||
          (which === "*overruled" && tile.classList.contains("overruled"));
        const found = named || tile.textContent.toLowerCase().includes(text);
        item.hidden = !(fits && found);
        any ||= !item.hidden;
      }
      group.hidden = !(any || (which === "" && named));
    }
    for (const section of document.querySelectorAll("section")) {
      const own = [...section.querySelectorAll(".group")];
      section.hidden = own.length ? own.every((group) => group.hidden) : which !== "" || text !== "";
    }
    find("nothing").hidden = [...document.querySelectorAll("section")].some((one) => !one.hidden);
  }

  function steer(event) {
    const tile = event.target.closest("button.tile");
    if (!tile) return;
    const group = tile.closest(".group");
    const row = [...group.querySelectorAll("li:not([hidden]) > button.tile")];
    const here = row.indexOf(tile);
    const wide = row.filter((one) => one.offsetTop === row[0].offsetTop).length || 1;
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: wide, ArrowUp: -wide }[event.key];
    let to = step === undefined ? undefined : row[here + step];
    if (event.key === "Home") to = row[0];
    if (event.key === "End") to = row.at(-1);
    if (step !== undefined || to) event.preventDefault();
    if (to) rove(to);
  }

  function rove(tile) {
    for (const one of tile.closest(".group").querySelectorAll("button.tile")) one.tabIndex = -1;
    tile.tabIndex = 0;
    tile.focus();
  }

  document.addEventListener("click", (event) => {
    const tile = event.target.closest("button.tile");
    if (tile) {
      next(tile);
      return;
    }
    const all = event.target.closest("button.all");
    if (all) {
      const own = [...all.closest(".group").querySelectorAll("li:not([hidden]) > button.tile")];
      change(own.map((one) => [one, all.dataset.choice]), all.textContent);
    }
  });
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key === "z" && !event.target.matches("input")) {
      event.preventDefault();
      find("undo").click();
    }
    steer(event);
  });
  for (const input of names) {
    let before = input.value;
    input.addEventListener("focus", () => { before = input.value; });
    input.addEventListener("change", () => {
      const old = before;
      before = input.value;
      done.push(() => { input.value = old; });
      after("");
    });
  }
  find("undo").addEventListener("click", () => {
    const back = done.pop();
    if (!back) return;
    back();
    after("Undone");
  });
  find("export").addEventListener("click", save);
  find("filter").addEventListener("change", show);
  find("search").addEventListener("input", show);
  window.addEventListener("beforeunload", (event) => { if (unsaved) event.preventDefault(); });
  for (const group of groups)
    group.querySelectorAll("button.tile").forEach((one, i) => { one.tabIndex = i ? -1 : 0; });
  recall();
  tell();
  find("controls").hidden = false;
})();
