// A stand-in for https://js.stripe.com/v3/ that talks to the simulated Stripe it was loaded from.
//
// It defines the part of Stripe.js a checkout page uses: Stripe(key).elements().create('card'),
// mount, on, and confirmCardPayment / confirmPayment / handleNextAction / retrievePaymentIntent,
// which resolve to {paymentIntent} or {error} and never reject. When the card's bank wants to ask
// the payer, its page is shown in a window of ours. The real card field lives in an iframe; this
// one is a plain input, with Stripe's test cards to choose from.
(() => {
  'use strict';

  const origin = new URL(document.currentScript.src).origin;

  const TEST_CARDS = [
    ['4242 4242 4242 4242', 'Succeeds'],
    ['4000 0000 0000 0002', 'Declined'],
    ['4000 0000 0000 9995', 'No funds'],
    ['4000 0027 6000 3184', '3D Secure'],
  ];

  // Values go through the CSS object model, which a strict Content-Security-Policy allows.
  function element(tag, properties, styles, ...children) {
    const made = Object.assign(document.createElement(tag), properties);
    Object.assign(made.style, styles);
    made.append(...children);
    return made;
  }

  function group(digits, size) {
    return digits.replace(new RegExp(`(\\d{${size}})(?=\\d)`, 'g'), '$1 ');
  }

  class CardElement {
    constructor(options = {}) {
      this.options = options;
      this.listeners = { change: [], ready: [], focus: [], blur: [] };
      this.wasComplete = null;
    }

    on(event, listener) {
      this.listeners[event]?.push(listener);
      return this;
    }

    mount(target) {
      const place = typeof target === 'string' ? document.querySelector(target) : target;
      if (!place) throw new Error(`The selector you specified (${target}) applies to no element.`);
      this.root = this.build();
      place.replaceChildren(this.root);
      place.classList.add('StripeElement', 'StripeElement--empty');
      this.place = place;
      queueMicrotask(() => this.tell('ready', { elementType: 'card' }));
    }

    unmount() {
      this.root?.remove();
      this.root = null;
    }

    destroy() {
      this.unmount();
    }

    focus() {
      this.number.focus();
    }

    blur() {
      this.root.contains(document.activeElement) && document.activeElement.blur();
    }

    clear() {
      for (const input of [this.number, this.expiry, this.cvc]) input.value = '';
      this.changed();
    }

    update(options) {
      const disabled = Boolean(options.disabled);
      for (const control of this.root.querySelectorAll('input, button')) control.disabled = disabled;
    }

    build() {
      const base = this.options.style?.base ?? {};
      const look = {
        font: 'inherit', color: base.color ?? 'inherit', fontSize: base.fontSize ?? 'inherit',
        fontFamily: base.fontFamily ?? 'inherit', background: 'transparent', border: '0',
        padding: '0.25rem 0', minWidth: '0', outline: '0',
      };
      const field = (name, label, placeholder, autocomplete, width) => element(
        'input',
        { name, placeholder, autocomplete, inputMode: 'numeric', type: 'text', ariaLabel: label },
        { ...look, flex: width },
      );
      this.number = field('number', 'Card number', 'Card number', 'cc-number', '1 1 12em');
      this.expiry = field('expiry', 'Expiry date, month and year', 'MM / YY', 'cc-exp', '0 1 5em');
      this.cvc = field('cvc', 'Security code', 'CVC', 'cc-csc', '0 1 3.5em');
      this.number.maxLength = 23;
      this.expiry.maxLength = 7;
      this.cvc.maxLength = 4;
      const row = element('div', {}, { display: 'flex', flexWrap: 'wrap', gap: '0.25rem 0.75rem' },
        this.number, this.expiry, this.cvc);
      const root = element('div', {}, {}, row, this.testCards());
      root.addEventListener('input', () => this.changed());
      root.addEventListener('focusin', () => this.focused(true));
      root.addEventListener('focusout', () => this.focused(false));
      return root;
    }

    testCards() {
      const buttons = TEST_CARDS.map(([number, outcome]) => {
        const button = element('button', { type: 'button', textContent: outcome }, {
          font: 'inherit', fontSize: '0.8125rem', color: 'inherit', background: 'transparent',
          border: '1px solid currentColor', borderRadius: '999px', padding: '0.125rem 0.625rem',
          cursor: 'pointer', opacity: '0.85',
        });
        button.title = number;
        button.ariaLabel = `Fill in the test card ${number}: ${outcome}`;
        button.addEventListener('click', () => this.fill(number));
        return button;
      });
      return element('div', { role: 'group', ariaLabel: 'Test cards' }, {
        display: 'flex', flexWrap: 'wrap', alignItems: 'center', gap: '0.375rem',
        marginTop: '0.5rem', fontSize: '0.8125rem',
      }, element('span', { textContent: 'Test cards:' }, { opacity: '0.85' }), ...buttons);
    }

    fill(number) {
      this.number.value = number;
      this.expiry.value = '12 / 34';
      this.cvc.value = '123';
      this.changed();
    }

    changed() {
      const typed = this.number.value;
      const caretAtEnd = this.number.selectionStart === typed.length;
      const grouped = group(typed.replace(/\D/g, ''), 4);
      if (caretAtEnd && grouped !== typed) this.number.value = grouped;
      const date = this.expiry.value.replace(/\D/g, '');
      if (date.length > 2) this.expiry.value = `${date.slice(0, 2)} / ${date.slice(2, 4)}`;
      const card = this.read();
      const complete = card.number.length >= 14 && date.length === 4 && card.cvc.length >= 3;
      const empty = !card.number && !date && !card.cvc;
      this.place?.classList.toggle('StripeElement--complete', complete);
      this.place?.classList.toggle('StripeElement--empty', empty);
      const brand = { 4: 'visa', 5: 'mastercard', 3: 'amex' }[card.number[0]] ?? 'unknown';
      this.tell('change', { elementType: 'card', brand, complete, empty, error: undefined });
    }

    focused(inside) {
      this.place?.classList.toggle('StripeElement--focus', inside);
      this.tell(inside ? 'focus' : 'blur', { elementType: 'card' });
    }

    read() {
      const [month = '', year = ''] = this.expiry.value.split('/').map((part) => part.trim());
      return {
        number: this.number.value.replace(/\D/g, ''),
        exp_month: month,
        exp_year: year && `20${year}`,
        cvc: this.cvc.value.trim(),
      };
    }

    tell(event, detail) {
      for (const listener of this.listeners[event]) listener(detail);
    }
  }

  async function call(method, path, form) {
    const query = method === 'GET' ? `?${form}` : '';
    try {
      const answer = await fetch(`${origin}/v1/${path}${query}`, {
        method, credentials: 'omit', body: method === 'GET' ? undefined : form,
      });
      const body = await answer.json();
      return answer.ok ? { paymentIntent: body } : { error: body.error };
    } catch {
      return {
        error: {
          type: 'api_connection_error',
          message: 'Stripe cannot be reached just now. Nothing was charged as far as we know.',
        },
      };
    }
  }

  function incomplete(message, code) {
    return { error: { type: 'validation_error', code, message } };
  }

  function missingFrom(card) {
    if (!card.number) return incomplete('Your card number is incomplete.', 'incomplete_number');
    if (!card.exp_year) {
      return incomplete("Your card's expiration date is incomplete.", 'incomplete_expiry');
    }
    return card.cvc ? null : incomplete("Your card's security code is incomplete.", 'incomplete_cvc');
  }

  function confirmation(key, clientSecret, method) {
    const form = new URLSearchParams({ key, client_secret: clientSecret, use_stripe_sdk: 'true' });
    if (typeof method === 'string') {
      form.set('payment_method', method);
      return form;
    }
    form.set('payment_method_data[type]', 'card');
    for (const [name, value] of Object.entries(method.card.read())) {
      form.set(`payment_method_data[card][${name}]`, value);
    }
    const name = method.billing_details?.name;
    if (name) form.set('payment_method_data[billing_details][name]', name);
    return form;
  }

  // Shows the bank's page in a window over the shop; true if the payer answered, false if they
  // closed the window, with its button or with Escape.
  function askInWindow(url, source) {
    const close = element('button', { type: 'button', textContent: '×', ariaLabel: 'Close' }, {
      position: 'absolute', top: '0.5rem', right: '0.5rem', width: '2.25rem', height: '2.25rem',
      font: '1.5rem/1 system-ui, sans-serif', color: 'inherit', background: 'transparent',
      border: '0', borderRadius: '8px', padding: '0', cursor: 'pointer',
    });
    const frame = element('iframe', { src: url, title: "Your bank's page" }, {
      display: 'block', width: '100%', height: '26.5rem', border: '0',
    });
    const dialog = element('dialog', { ariaLabel: 'Confirm the payment at your bank' }, {
      width: 'min(27rem, 94vw)', maxWidth: 'none', padding: '2.5rem 0 0', border: '0',
      borderRadius: '16px', overflow: 'hidden', color: 'CanvasText', background: 'Canvas',
      boxShadow: '0 0 0 100vmax rgb(0 0 0 / 55%)', colorScheme: 'light dark',
    }, close, frame);
    document.body.append(dialog);
    dialog.showModal();
    return new Promise((resolve) => {
      function finish(answered) {
        window.removeEventListener('message', hear);
        dialog.remove();
        resolve(answered);
      }
      function hear(event) {
        if (event.origin !== origin || event.source !== frame.contentWindow) return;
        if (event.data?.answered === source) finish(true);
        if (event.data?.left === source) finish(false);
      }
      window.addEventListener('message', hear);
      close.addEventListener('click', () => finish(false));
      dialog.addEventListener('cancel', () => finish(false));
    });
  }

  function unconfirmed(paymentIntent) {
    return {
      error: {
        type: 'invalid_request_error',
        code: 'payment_intent_authentication_failure',
        message: 'Your bank has not confirmed this payment. Try again, or use another card.',
        payment_intent: paymentIntent,
      },
    };
  }

  // Does what the intent waits for, if it waits for something.
  async function act(retrieve, paymentIntent) {
    if (paymentIntent.status !== 'requires_action') return { paymentIntent };
    const action = paymentIntent.next_action;
    if (action.type === 'redirect_to_url') {
      window.location.assign(action.redirect_to_url.url);
      return new Promise(() => {});
    }
    const { stripe_js: url, source } = action.use_stripe_sdk;
    if (!(await askInWindow(url, source))) return unconfirmed(paymentIntent);
    const result = await retrieve();
    const after = result.paymentIntent;
    if (after?.status === 'requires_payment_method') {
      return { error: { ...after.last_payment_error, payment_intent: after } };
    }
    return after?.status === 'requires_action' ? unconfirmed(after) : result;
  }

  class Elements {
    constructor(options = {}) {
      this.clientSecret = options.clientSecret;
    }

    create(_type, options) {
      this.card = new CardElement(options);
      return this.card;
    }

    getElement() {
      return this.card ?? null;
    }

    async submit() {
      return missingFrom(this.card.read()) ?? {};
    }
  }

  window.Stripe = (key) => {
    if (!key?.startsWith('pk_')) throw new Error('Stripe() needs a publishable key (pk_…).');
    const pathOf = (clientSecret) => `payment_intents/${clientSecret.split('_secret_')[0]}`;

    function retrievePaymentIntent(clientSecret) {
      const form = new URLSearchParams({ key, client_secret: clientSecret });
      return call('GET', pathOf(clientSecret), form);
    }

    async function handleNextAction({ clientSecret }) {
      const retrieve = () => retrievePaymentIntent(clientSecret);
      const found = await retrieve();
      return found.error ? found : act(retrieve, found.paymentIntent);
    }

    async function confirmCardPayment(clientSecret, data = {}, options = {}) {
      const method = data.payment_method;
      if (!method) return handleNextAction({ clientSecret });
      const fault = method.card instanceof CardElement ? missingFrom(method.card.read()) : null;
      if (fault) return fault;
      const form = confirmation(key, clientSecret, method);
      const result = await call('POST', `${pathOf(clientSecret)}/confirm`, form);
      if (result.error || options.handleActions === false) return result;
      return act(() => retrievePaymentIntent(clientSecret), result.paymentIntent);
    }

    async function confirmPayment({ elements, clientSecret, confirmParams = {}, redirect }) {
      const secret = clientSecret ?? elements.clientSecret;
      const method = confirmParams.payment_method ?? { card: elements.card };
      const result = await confirmCardPayment(secret, { payment_method: method });
      if (result.error || redirect === 'if_required') return result;
      const back = new URL(confirmParams.return_url);
      back.searchParams.set('payment_intent', result.paymentIntent.id);
      back.searchParams.set('payment_intent_client_secret', secret);
      back.searchParams.set('redirect_status', 'succeeded');
      window.location.assign(back);
      return new Promise(() => {});
    }

    return {
      elements: (options) => new Elements(options),
      confirmCardPayment,
      confirmPayment,
      handleNextAction,
      handleCardAction: (clientSecret) => handleNextAction({ clientSecret }),
      retrievePaymentIntent,
    };
  };
})();
