"use strict";

// What passes through the server, as it reports it in /live. Texts come from publishers, so they are only ever set as
// text, never as HTML.

const SHOWN = 500;
const place = (id) => document.getElementById(id);
let paused = false;
let count = 0;

function row(texts) {
  const line = document.createElement("tr");
  for (const text of texts) {
    const cell = document.createElement("td");
    cell.textContent = text;
    line.append(cell);
  }
  return line;
}

function showState(state) {
  place("connection-count").textContent = state.connections.length + state.more_connections;
  place("channel-count").textContent = state.channels.length + state.more_channels;
  place("connections").replaceChildren(
    ...state.connections.map((connection) => {
      const item = document.createElement("li");
      item.textContent = connection;
      return item;
    }),
  );
  place("channels").replaceChildren(
    ...state.channels.map((channel) => row([channel.name, channel.subscriptions, channel.members ?? ""])),
  );
  place("channel-names").replaceChildren(
    ...state.channels.map((channel) => {
      const option = document.createElement("option");
      option.value = channel.name;
      return option;
    }),
  );
}

function showEvent(event) {
  count += 1;
  place("event-count").textContent = count;
  if (paused) return;
  const time = new Date(event.time * 1000).toTimeString().slice(0, 8);
  const line = row([time, event.channel, event.event, event.data]);
  if (event.sealed) line.className = "sealed";
  line.hidden = !matches(line);
  const events = place("events");
  events.prepend(line);
  while (events.children.length > SHOWN) events.lastElementChild.remove();
  place("nothing").hidden = true;
}

function matches(line) {
  const wanted = place("filter").value.toLowerCase();
  return [line.cells[1], line.cells[2]].some((cell) => cell.textContent.toLowerCase().includes(wanted));
}

function showLink(state) {
  place("link").dataset.state = state;
  place("link").textContent = state;
}

async function publish() {
  const [channel, event, data] = ["channel", "event", "data"].map((name) => place(`publish-${name}`).value);
  const body = JSON.stringify({ channel, event, data });
  try {
    const answer = await fetch("publish", { method: "POST", headers: { "Content-Type": "application/json" }, body });
    return [answer.ok, await answer.text()];
  } catch {
    return [false, "the server does not answer"];
  }
}

function isJSON(text) {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

place("publish").addEventListener("submit", async (submit) => {
  submit.preventDefault();
  const asText = isJSON(place("publish-data").value) ? "" : " as text: the data is not JSON";
  const [done, words] = await publish();
  place("published").dataset.state = done ? "done" : "failed";
  place("published").textContent = done ? words + asText : words;
});
place("filters").addEventListener("submit", (submit) => submit.preventDefault());
place("filter").addEventListener("input", () => {
  for (const line of place("events").rows) line.hidden = !matches(line);
});
place("pause").addEventListener("click", (click) => {
  paused = !paused;
  click.target.setAttribute("aria-pressed", String(paused));
  click.target.textContent = paused ? "Go on" : "Pause";
});
place("clear").addEventListener("click", () => {
  place("events").replaceChildren();
  place("nothing").hidden = false;
});

const stream = new EventSource("live");
stream.addEventListener("open", () => showLink("live"));
stream.addEventListener("error", () => showLink("lost"));
stream.addEventListener("state", (message) => showState(JSON.parse(message.data)));
stream.addEventListener("passed", (message) => showEvent(JSON.parse(message.data)));
