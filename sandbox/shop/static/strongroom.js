// Strongroom from a browser, in one file to copy. Nothing in here is about this shop.
//
//   const strongroom = new Strongroom('https://pay.example.com', fetchToken);
//   const payment = await strongroom.post('/api/payments/intents', { reference, order_id });
//   await strongroom.listen({ 'payment.updated': show }, showStream);
//
// Your own server knows who is signed in and vouches for them with a token of a few minutes. It is
// given to Strongroom once, for a cookie that no script can read; all else goes with the cookie.

const SIGNED_IN = 'signed in at Strongroom';
const TIMEOUT_MS = 20_000;
const MOST_TRIES = 4;
const LONGEST_WAIT_S = 15; // who is told to wait longer asks the person first

// Strongroom has said no. `problem` is its answer: {status, code, detail, errors, request_id, …}.
export class StrongroomError extends Error {
  constructor(problem, retryAfter) {
    super(problem.detail ?? problem.title);
    this.status = problem.status;
    this.code = problem.code;
    this.problem = problem;
    this.retryAfterS = retryAfter === null ? null : Number(retryAfter);
  }
}

// There was no answer: the network is gone, or took too long. What was asked for may have happened.
export class UnreachableError extends Error {
  constructor(cause) {
    super('There was no answer.', { cause });
    this.code = 'unreachable';
    this.retryAfterS = navigator.onLine ? 2 : null;
  }
}

export class Strongroom {
  // `onWait(error, seconds)` hears when a call is about to be tried again by itself.
  constructor(baseUrl, fetchToken, onWait = () => {}) {
    this.baseUrl = baseUrl;
    this.fetchToken = fetchToken;
    this.onWait = onWait;
  }

  get(path) {
    return this.call('GET', path);
  }

  // `body.reference` makes it happen once, however often it is sent. That is why a POST can be
  // tried again like a GET; choose it from what is to be done (`checkout-<order>`), not at random.
  post(path, body) {
    return this.call('POST', path, body);
  }

  // A document, as a Blob. Its bytes may still be in the making: that is waited for.
  file(path) {
    return this.call('GET', path, undefined, (answer) => answer.blob());
  }

  // Calls the handler of an event's type with its data, and `onState('live' | 'lost')`.
  //
  // The browser reconnects by itself and says how far it has heard (Last-Event-ID): nothing is
  // lost. A stream that ended for good, with the session or behind a proxy, is a new one here, so
  // look again at what you show whenever it is live after it was lost.
  async listen(handlers, onState = () => {}, waitS = 2) {
    await this.ensureSignedIn();
    const source = new EventSource(`${this.baseUrl}/api/events`, { withCredentials: true });
    let nextWaitS = Math.min(waitS * 2, 30);
    source.onopen = () => {
      nextWaitS = 2;
      onState('live');
    };
    source.onerror = async () => {
      onState('lost');
      if (source.readyState !== EventSource.CLOSED) return;
      await pause(waitS);
      await this.signIn().catch(() => {});
      this.listen(handlers, onState, nextWaitS);
    };
    for (const [type, handle] of Object.entries(handlers)) {
      source.addEventListener(type, (event) => handle(JSON.parse(event.data)));
    }
  }

  // The cookie cannot be seen from here, so a note in the tab says that it was given.
  async ensureSignedIn() {
    if (!sessionStorage.getItem(SIGNED_IN)) await this.signIn();
  }

  // However many calls find that there is no session, one signs in, and the others wait for it.
  signIn() {
    this.signingIn ??= this.startSession().finally(() => { this.signingIn = undefined; });
    return this.signingIn;
  }

  async startSession() {
    const token = await this.fetchToken();
    await this.send('POST', '/api/session', undefined, asJson, { Authorization: `Bearer ${token}` });
    sessionStorage.setItem(SIGNED_IN, 'yes');
  }

  async call(method, path, body, read = asJson) {
    await this.ensureSignedIn();
    let hasSignedIn = false;
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.send(method, path, body, read);
      } catch (error) {
        if (isOfNoSession(error) && !hasSignedIn) {
          hasSignedIn = true;
          await this.signIn();
        } else if (tries < MOST_TRIES && mayTryAgain(error)) {
          this.onWait(error, error.retryAfterS);
          await pause(error.retryAfterS);
        } else {
          throw error;
        }
      }
    }
  }

  async send(method, path, body, read, headers = {}) {
    const answer = await fetch(this.baseUrl + path, {
      method,
      credentials: 'include',
      headers: { ...headers, ...(body && { 'Content-Type': 'application/json' }) },
      body: body && JSON.stringify(body),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    }).catch((cause) => { throw new UnreachableError(cause); });
    if (answer.ok) return read(answer);
    // A proxy between us may answer with a page of its own instead of a problem.
    const problem = await answer.json().catch(() => ({ status: answer.status, title: answer.statusText }));
    throw new StrongroomError(problem, answer.headers.get('Retry-After'));
  }
}

// The session ended in the meantime, or somebody else signed in with this browser.
function isOfNoSession(error) {
  return error.status === 401 || error.code === 'role_forbidden';
}

// Busy, too fast, still at it, or away: the answer says when to ask again.
function mayTryAgain({ retryAfterS }) {
  return typeof retryAfterS === 'number' && retryAfterS <= LONGEST_WAIT_S;
}

function asJson(answer) {
  return answer.status === 204 ? null : answer.json();
}

function pause(seconds) {
  return new Promise((resolve) => { setTimeout(resolve, seconds * 1000); });
}
