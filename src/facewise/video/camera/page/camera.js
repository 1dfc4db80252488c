"use strict";
// The page of `facewise camera`. It gets messages over a WebSocket: binary ones are a frame with its
// faces (so boxes belong to the picture they are drawn on), texts the state and events. What it wants
// done it asks for by POST, with the secret that only this page has.

const $ = (id) => document.getElementById(id);
const secret = document.querySelector("meta[name=facewise-secret]").content;
const canvas = $("canvas"), pen = canvas.getContext("2d");
const boxes = new Map(); // of faces in the picture: track -> button
const rows = new Map(); // of who is here: track -> button
let socket = null, viewer = null, frame = null, state = null;
let selected = null; // {track, portrait}
let paused = false, waiting = 0, refused = false, over = false;

// ---------------------------------------------------------------- the stream

function connect() {
  socket = new WebSocket(location.href.replace(/^http/, "ws").replace(/[?#].*$/, "") + "live");
  socket.binaryType = "arraybuffer";
  socket.onopen = () => { waiting = 0; socket.send(JSON.stringify({ hello: secret })); };
  socket.onmessage = (message) =>
    typeof message.data === "string" ? heard(JSON.parse(message.data)) : show(message.data);
  socket.onclose = (event) => {
    viewer = null;
    refused = event.code === 4003;
    over = over || event.code === 1001 || event.code === 1000;
    renderStatus();
    if (!refused) setTimeout(connect, over ? 3000 : 1000);
  };
}

function heard(message) {
  if (message.viewer !== undefined) { viewer = message.viewer; over = false; refused = false; }
  if (message.state) { state = message.state; renderState(); }
  if (message.events) message.events.forEach(happened);
}

function next() { // the server sends more frames only when these are shown
  if (paused || document.hidden || !waiting || socket.readyState !== WebSocket.OPEN) return;
  socket.send(JSON.stringify({ next: waiting }));
  waiting = 0;
}

async function show(data) {
  const length = new DataView(data).getUint32(0);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, length)));
  const picture = await createImageBitmap(new Blob([new Uint8Array(data, 4 + length)], { type: "image/jpeg" }));
  if (!frame || header.number > frame.number || viewer !== frame.viewer) {
    if (!(paused && frame)) {
      if (canvas.width !== picture.width || canvas.height !== picture.height) {
        canvas.width = picture.width;
        canvas.height = picture.height;
        $("picture").style.setProperty("--ratio", picture.width / picture.height);
      }
      pen.drawImage(picture, 0, 0);
      frame = header;
      frame.viewer = viewer;
      renderFaces();
      $("fps").textContent = header.fps.toFixed(1);
      $("size").textContent = `${header.width}×${header.height}`;
    }
  }
  picture.close();
  waiting += 1;
  next();
}

// ---------------------------------------------------------------- faces in the picture

function renderFaces() {
  const here = new Set();
  for (const face of frame.faces) {
    here.add(face.track);
    let button = boxes.get(face.track);
    if (!button) {
      button = document.createElement("button");
      button.type = "button";
      button.className = "face";
      button.dataset.track = face.track;
      button.append(document.createElement("span"));
      button.onclick = () => select(face.track, true);
      boxes.set(face.track, button);
      $("faces").append(button);
    }
    const [x1, y1, x2, y2] = face.box, style = button.style;
    style.left = `${100 * x1}%`;
    style.top = `${100 * y1}%`;
    style.width = `${100 * (x2 - x1)}%`;
    style.height = `${100 * (y2 - y1)}%`;
    style.zIndex = String(1000 - Math.round(999 * (x2 - x1) * (y2 - y1))); // small ones on top
    style.setProperty("--color", face.color);
    const label = button.firstChild, alike = face.known ? two(face.similarity) : `#${face.track}`;
    const text = `${face.name} ${alike}`;
    if (label.dataset.text !== text) {
      label.dataset.text = text;
      label.textContent = face.name;
      const small = document.createElement("small");
      small.textContent = alike;
      label.append(small);
    }
    const said = face.known ? `Select ${face.name}` : `Select the unknown face ${face.track}`;
    if (button.getAttribute("aria-label") !== said) button.setAttribute("aria-label", said);
    label.classList.toggle("below", y1 < 0.06);
    label.classList.toggle("left", x2 > 0.72);
    button.setAttribute("aria-pressed", String(selected !== null && selected.track === face.track));
  }
  for (const [track, button] of boxes) {
    if (!here.has(track)) { button.remove(); boxes.delete(track); }
  }
}

// ---------------------------------------------------------------- state and events

const STATUS = { live: "live", lost: "camera lost, retrying", silent: "no picture comes", waiting: "waiting for the camera", ended: "ended" };

function renderStatus() {
  const connected = viewer !== null && socket.readyState === WebSocket.OPEN;
  let status = state ? state.status : "waiting", text = STATUS[status], why = state ? state.why : "";
  if (!connected) {
    [status, text, why] = refused ? ["ended", "load this page anew", ""]
      : over || status === "ended" ? ["ended", "the camera has ended", ""]
      : ["lost", state ? "connection lost, retrying" : "connecting", ""];
  }
  $("status").dataset.status = status;
  $("status").lastChild.textContent = text;
  const fine = status === "live" || (!state && !refused && !over);
  $("picture").classList.toggle("faded", !fine);
  const banner = fine ? "" : text[0].toUpperCase() + text.slice(1) + (why ? `\n${why}` : "");
  if ($("banner").textContent !== banner) $("banner").textContent = banner;
  $("banner").hidden = fine;
  if (!fine) $("fps").textContent = "–";
  for (const id of ["snapshot", "record", "pause"]) $(id).disabled = !connected || status === "ended";
}

function renderState() {
  renderStatus();
  $("source").textContent = state.source;
  $("source").title = state.source;
  document.title = `${state.recording ? "● " : ""}${state.source} – facewise camera`;
  $("viewers").textContent = state.viewers;
  const recording = state.recording;
  $("record").classList.toggle("on", recording !== null);
  $("record").querySelector("span").textContent = recording ? "Finish" : "Record";
  $("badge").hidden = recording === null;
  if (recording) $("badge").lastChild.textContent = `REC ${clock(recording.seconds)}`;
  if (state.people === null) {
    $("hint").textContent = "Start with --people FOLDER, or a gallery, to give people names.";
    $("hint").hidden = false;
    $("form").hidden = true;
  }
  renderHere();
}

function renderHere() {
  const here = new Set();
  state.here.forEach((one, place) => {
    here.add(one.track);
    let button = rows.get(one.track);
    if (!button) {
      const item = document.createElement("li");
      button = document.createElement("button");
      button.type = "button";
      button.dataset.track = one.track;
      for (const kind of ["img", "b", "output", "small"]) button.append(document.createElement(kind));
      button.firstChild.alt = "";
      button.onclick = () => select(one.track, true);
      item.append(button);
      rows.set(one.track, button);
    }
    if ($("here").children[place] !== button.parentNode) {
      $("here").insertBefore(button.parentNode, $("here").children[place] || null);
    }
    const [image, name, alike, since] = button.children, known = one.name !== "unknown";
    if (one.portrait && image.dataset.version !== String(one.portrait)) {
      image.dataset.version = one.portrait;
      image.src = `portrait/${one.track}?v=${one.portrait}`;
    }
    const text = known ? one.name : `unknown #${one.track}`;
    if (name.textContent !== text) name.textContent = text;
    alike.textContent = known && one.similarity !== null ? two(one.similarity) : "";
    since.textContent = `${one.visible ? "" : "just left, "}since ${timeOf(one.since)}`;
    button.classList.toggle("stranger", !known);
    button.classList.toggle("out", !one.visible);
    button.setAttribute("aria-pressed", String(selected !== null && selected.track === one.track));
  });
  for (const [track, button] of rows) {
    if (!here.has(track)) { button.parentNode.remove(); rows.delete(track); }
  }
  $("count").textContent = state.here.length;
  $("nobody").hidden = state.here.length > 0;
}

function happened(event) {
  const who = (one) => (one.name !== "unknown" ? one.name : one.person ? one.label : `unknown #${one.track}`);
  const texts = {
    started: () => `watching ${event.source}`,
    came: () => `${who(event)} came`,
    named: () => (event.known ? `#${event.track} is ${event.name}` : `#${event.track} is unknown again`),
    went: () => `${who(event)} left after ${event.seconds.toFixed(1)} s`,
    lost: () => `camera lost${event.why ? `: ${event.why}` : ""}`,
    back: () => "camera is back",
    enrolled: () => `${event.name} enrolled${event.remarks.length ? ` (${event.remarks.join("; ")})` : ""}`,
    snapshot: () => "snapshot ",
    recording: () => `recording ${event.file}`,
    recorded: () => `recorded ${event.seconds.toFixed(1)} s `,
    record_failed: () => `recording failed: ${event.why}`,
    ended: () => `ended${event.why ? `: ${event.why}` : ""}`,
  };
  const item = document.createElement("li"), time = document.createElement("time"), what = document.createElement("span");
  time.dateTime = event.at;
  time.textContent = timeOf(event.at);
  what.textContent = (texts[event.event] || (() => event.event))();
  item.classList.toggle("bad", ["lost", "record_failed"].includes(event.event) || (event.event === "ended" && event.why !== ""));
  item.dataset.event = event.event;
  if (event.file && ["snapshot", "recorded"].includes(event.event)) what.append(link(event.file));
  item.append(time, what);
  $("events").prepend(item);
  while ($("events").children.length > 200) $("events").lastChild.remove();
  if (event.event === "recorded") {
    const left = event.left_out ? `, ${event.left_out} frames left out` : "";
    say(`${event.why ? `${event.why}; ` : ""}Recorded ${event.seconds.toFixed(1)} s${left}: `, event.why ? "bad" : "good", event.file);
  }
  if (event.event === "record_failed") say(`Recording failed: ${event.why}`, "bad");
}

// ---------------------------------------------------------------- what one can do

async function ask(what, content) {
  const answer = await fetch(what, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Facewise-Secret": secret },
    body: JSON.stringify(content),
  });
  const text = await answer.text();
  let found;
  try { found = JSON.parse(text); } catch { found = { error: text.trim() }; }
  if (!answer.ok) throw new Error(found.error || `it failed (${answer.status})`);
  return found;
}

const doing = (what) => async () => {
  try { await what(); } catch (error) { say(error.message, "bad"); }
};

const takeSnapshot = doing(async () => {
  const { file } = await ask("snapshot", { viewer, frame: frame && frame.number, drawn: $("drawn").checked });
  say("Saved ", "good", file);
});

const record = doing(async () => {
  const on = !(state && state.recording);
  const { file } = await ask("record", { on, drawn: $("drawn").checked });
  if (on) say(`Recording ${file}`);
});

function pause() {
  paused = !paused;
  $("pause").classList.toggle("on", paused);
  $("pause").querySelector("span").textContent = paused ? "Go on" : "Pause";
  $("paused").hidden = !paused;
  say(paused ? "The picture is paused here; the camera goes on." : "");
  next();
}

async function select(track, typing) {
  if (!state || state.people === null) return say("Start with --people to give people names.");
  const known = state.here.find((one) => one.track === track) || (frame && frame.faces.find((one) => one.track === track));
  if (!known) return;
  const name = known.name !== "unknown" && known.name !== undefined ? known.name : "";
  selected = { track, portrait: null };
  $("hint").hidden = true;
  $("form").hidden = false;
  $("chosen").textContent = name || `Unknown #${track}`;
  $("save").textContent = name ? "Add picture" : "Enrol";
  $("name").value = name;
  problem("");
  $("portrait").removeAttribute("src");
  $("portrait").alt = "";
  if (frame) renderFaces();
  renderHere();
  if (typing) $("name").select();
  if (typing) $("name").focus();
  try {
    const answer = await fetch(`portrait/${track}`);
    if (!answer.ok || !selected || selected.track !== track) return;
    selected.portrait = Number(answer.headers.get("X-Portrait"));
    const picture = $("portrait");
    if (picture.dataset.url) URL.revokeObjectURL(picture.dataset.url);
    picture.onload = () => { picture.alt = "The picture that will be enrolled"; };
    picture.dataset.url = picture.src = URL.createObjectURL(await answer.blob());
  } catch { /* the connection is lost, which the page says already */ }
}

function deselect() {
  selected = null;
  $("form").hidden = true;
  $("hint").hidden = false;
  if (frame) renderFaces();
  if (state) renderHere();
}

async function enrol() {
  if (!selected) return;
  $("save").disabled = true;
  problem("");
  try {
    const done = await ask("enrol", { track: selected.track, name: $("name").value, portrait: selected.portrait });
    const remarks = done.remarks.length ? ` To look at: ${done.remarks.join("; ")}.` : "";
    say(`${done.new ? "Enrolled" : "Added a picture of"} ${done.name}.${remarks}`, "good");
    deselect();
    $("pause").focus({ preventScroll: true });
    $("pause").blur();
  } catch (error) {
    problem(error.message);
    $("name").focus();
  } finally {
    $("save").disabled = false;
  }
}

function problem(text) {
  $("problem").textContent = text;
  $("name").setAttribute("aria-invalid", String(text !== ""));
}

// ---------------------------------------------------------------- small things

function say(text, kind = "", file = "") {
  $("message").dataset.kind = kind;
  $("message").textContent = text;
  if (file) $("message").append(link(file));
}

function link(file) {
  const anchor = document.createElement("a");
  anchor.href = `saved/${encodeURIComponent(file)}`;
  anchor.target = "_blank";
  anchor.rel = "noopener";
  anchor.textContent = file;
  return anchor;
}

const two = (similarity) => (Math.floor(similarity * 100) / 100).toFixed(2); // 0.996 is not 1
const timeOf = (iso) => iso.slice(11, 19);
const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

$("snapshot").onclick = takeSnapshot;
$("record").onclick = record;
$("pause").onclick = pause;
$("cancel").onclick = deselect;
$("form").onsubmit = (event) => { event.preventDefault(); enrol(); };
$("canvas").onclick = deselect;
document.addEventListener("visibilitychange", next);
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") return deselect();
  const typing = event.target.closest("input:not([type=checkbox]), textarea, select");
  if (typing || event.ctrlKey || event.metaKey || event.altKey || event.repeat || !$("shortcuts").checked) return;
  const key = event.key.toLowerCase();
  if (key === "s") takeSnapshot();
  else if (key === "r") record();
  else if (key === "p") pause();
  else if (key === "e" && selected) { event.preventDefault(); $("name").focus(); }
  else if (/^[1-9]$/.test(key) && state && state.here[key - 1]) {
    event.preventDefault();
    select(state.here[key - 1].track, true);
  }
});
connect();
