// Strongroom from a browser: sign in once with a token, then call and listen with the cookie.

const SIGNED_IN = 'signed in at Strongroom';

export class StrongroomError extends Error {
  // `problem` is the answer's application/problem+json: {status, code, detail, errors, …}.
  constructor(problem) {
    super(problem.detail ?? problem.title);
    this.status = problem.status;
    this.code = problem.code;
    this.problem = problem;
  }
}

export class Strongroom {
  // `fetchToken` asks your own server for a fresh token of the signed-in person.
  constructor(baseUrl, fetchToken) {
    this.baseUrl = baseUrl;
    this.fetchToken = fetchToken;
  }

  async signIn() {
    const token = await this.fetchToken();
    await this.send('POST', '/api/session', undefined, { Authorization: `Bearer ${token}` });
    sessionStorage.setItem(SIGNED_IN, 'yes');
  }

  // The cookie cannot be seen from here, so a note in the tab says that it was given.
  async ensureSignedIn() {
    if (!sessionStorage.getItem(SIGNED_IN)) await this.signIn();
  }

  get(path) {
    return this.call('GET', path);
  }

  // `body.reference` makes it happen once, however often it is sent: see the API's documentation.
  post(path, body) {
    return this.call('POST', path, body);
  }

  // Calls `onEvent(type, data)` for every change and `onState('live' | 'lost')` about the stream.
  // The browser reconnects by itself, and says with Last-Event-ID what it has already got.
  async listen(types, onEvent, onState = () => {}) {
    await this.ensureSignedIn();
    const source = new EventSource(`${this.baseUrl}/api/events`, { withCredentials: true });
    source.onopen = () => onState('live');
    source.onerror = async () => {
      onState('lost');
      if (source.readyState !== EventSource.CLOSED) return;
      // Closed for good: the session ended. Sign in again and start over.
      await new Promise((resolve) => setTimeout(resolve, 2000));
      await this.signIn().catch(() => {});
      this.listen(types, onEvent, onState);
    };
    for (const type of types) {
      source.addEventListener(type, (event) => onEvent(type, JSON.parse(event.data)));
    }
  }

  async call(method, path, body) {
    await this.ensureSignedIn();
    try {
      return await this.send(method, path, body);
    } catch (error) {
      // The session ended in the meantime, or somebody else signed in with this browser.
      if (error.status !== 401 && error.code !== 'role_forbidden') throw error;
      await this.signIn();
      return this.send(method, path, body);
    }
  }

  async send(method, path, body, headers = {}) {
    const answer = await fetch(this.baseUrl + path, {
      method,
      credentials: 'include',
      headers: { ...headers, ...(body && { 'Content-Type': 'application/json' }) },
      body: body && JSON.stringify(body),
    });
    const content = answer.status === 204 ? null : await answer.json();
    if (!answer.ok) throw new StrongroomError(content);
    return content;
  }
}

// The shop's own server knows who is signed in here, and vouches for them.
export async function tokenFromShop() {
  const answer = await fetch('/token', { method: 'POST' });
  return (await answer.json()).token;
}
