// A stand-in for https://js.stripe.com/v3/ that talks to the simulated Stripe it was loaded from.
//
// It defines the part of Stripe.js a checkout page uses: Stripe(key).elements().create('card'),
// mount, on, and confirmCardPayment / retrievePaymentIntent, which resolve to {paymentIntent} or
// {error} and never reject. The real card field lives in an iframe; this one is a plain input,
// with Stripe's test cards to choose from.
(() => {
  'use strict';

  const origin = new URL(document.currentScript.src).origin;

  const TEST_CARDS = [
    ['4242 4242 4242 4242', 'Succeeds'],
    ['4000 0000 0000 0002', 'Declined'],
    ['4000 0000 0000 9995', 'No funds'],
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

  window.Stripe = (key) => {
    if (!key?.startsWith('pk_')) throw new Error('Stripe() needs a publishable key (pk_…).');
    const idOf = (clientSecret) => clientSecret.split('_secret_')[0];
    return {
      elements: () => ({ create: (_type, options) => new CardElement(options) }),
      async confirmCardPayment(clientSecret, data = {}) {
        const method = data.payment_method;
        if (method?.card instanceof CardElement) {
          const card = method.card.read();
          if (!card.number) return incomplete('Your card number is incomplete.', 'incomplete_number');
          if (!card.exp_year) {
            return incomplete("Your card's expiration date is incomplete.", 'incomplete_expiry');
          }
          if (!card.cvc) return incomplete("Your card's security code is incomplete.", 'incomplete_cvc');
        }
        const path = `payment_intents/${idOf(clientSecret)}/confirm`;
        return call('POST', path, confirmation(key, clientSecret, method));
      },
      retrievePaymentIntent(clientSecret) {
        const form = new URLSearchParams({ key, client_secret: clientSecret });
        return call('GET', `payment_intents/${idOf(clientSecret)}`, form);
      },
    };
  };
})();
