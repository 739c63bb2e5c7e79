// Whether the model answers: the status in the header, and the banner where it does not.

import { get } from "./api.js";

const WELL_MS = 3000, LOST_MS = 700;

const byId = (id) => document.getElementById(id);

export class Connection {
  constructor() {
    this.key = "";
    this.lost = false;
    this.onReturn = () => {};
    byId("banner-button").addEventListener("click", () => this.pressed?.());
  }

  say(text, button = "", pressed = null) {
    byId("banner").hidden = !text;
    // Written only when it changes: a screen reader reads it out each time.
    if (byId("banner-text").textContent !== text) byId("banner-text").textContent = text;
    byId("banner-button").hidden = !button;
    byId("banner-button").textContent = button;
    this.pressed = pressed;
  }

  show(state, words) {
    const status = byId("status");
    status.className = `status ${state}`;
    if (status.textContent !== words) status.textContent = words;
  }

  // An error of a request: of the connection, or of what was asked.
  failed(error) {
    if (error.status === 503 || error.status === 0) {
      this.lost = true;
      this.show("waiting", "waiting");
      this.say(`${error.message} The page goes on when it answers.`);
    } else if (error.name !== "AbortError") {
      this.say(error.message, "Close", () => this.say(""));
      if (error.status === undefined) console.error(error);
    }
  }

  async look() {
    let status;
    try {
      status = await get("/api/status");
    } catch (error) {
      this.failed(error);
      return setTimeout(() => this.look(), LOST_MS);
    }
    if (status.state !== "ready") {
      this.failed({ status: 503, message: status.note });
    } else if (this.key && status.key !== this.key) {
      this.show("waiting", "another model");
      this.say("The server now serves another export of the model than the one on this page.", "Show it", () => {
        location.hash = "";
        location.reload();
      });
    } else {
      this.show("ready", "ready");
      if (this.lost) {
        this.lost = false;
        this.say("");
        this.onReturn();
      }
    }
    return setTimeout(() => this.look(), this.lost ? LOST_MS : WELL_MS);
  }

  // Returns the description of the model, once it answers and is analysed.
  async model() {
    for (;;) {
      try {
        const model = await get("/api/model");
        if (this.lost) this.say("");
        this.lost = false;
        if (model.waiting) {
          this.show("waiting", "loading");
          this.lost = !/loading/.test(model.waiting);
          if (this.lost) this.say(model.waiting);
        } else if (model.training.known || model.training.failed) {
          this.key = model.key;
          return model;
        } else {
          this.show("", "working out what the latents move");
        }
      } catch (error) {
        this.failed(error);
      }
      await new Promise((done) => setTimeout(done, 400));
    }
  }
}
