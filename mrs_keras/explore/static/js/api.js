// Requests to the server of this page.

export class RequestError extends Error {
  // `status` is that of HTTP; 0 where no server answered, 503 where the model does not.
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

const GONE = "The server of this page does not answer. Was `mrs-keras explore` stopped?";

async function answer(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    throw error.name === "AbortError" ? error : new RequestError(GONE, 0);
  }
  if (response.ok) return response;
  let message = `${response.status} ${response.statusText}`;
  try {
    message = (await response.json()).error;
  } catch { /* not the server of this page, or cut off */ }
  throw new RequestError(message, response.status);
}

export async function get(path) {
  return (await answer(path)).json();
}

export async function post(path, content) {
  return (await postRaw(path, content)).json();
}

export async function postBlob(path, content) {
  return (await postRaw(path, content)).blob();
}

function postRaw(path, content) {
  return answer(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(content) });
}

export async function postScan(files, concentrations) {
  const described = files.map((file) => ({ name: file.name, size: file.size }));
  const headers = {
    "Content-Type": "application/octet-stream",
    "X-Files": encodeURIComponent(JSON.stringify(described)),
    "X-Concentrations": JSON.stringify(concentrations),
  };
  return (await answer("/api/scan", { method: "POST", headers, body: new Blob(files) })).json();
}

// Returns a function that runs `task` for its newest argument: while one runs, only the last request waits.
export function newestOnly(task) {
  let running = false, waiting = null;
  run.isBusy = () => running;
  return run;

  async function run(argument) {
    if (running) {
      waiting = { argument };
      return;
    }
    running = true;
    try {
      await task(argument);
    } finally {
      running = false;
      if (waiting) {
        const next = waiting.argument;
        waiting = null;
        run(next);
      }
    }
  }
}

export function later(task, wait) {
  let timer = null;
  return (...given) => {
    clearTimeout(timer);
    timer = setTimeout(() => task(...given), wait);
  };
}
