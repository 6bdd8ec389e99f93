// The checkout: ask Strongroom for a payment, let Stripe.js take the card, go to the order's page.

import { Strongroom, tokenFromShop } from './strongroom.js';

const { strongroom: baseUrl, order: orderId } = document.querySelector('main').dataset;
const strongroom = new Strongroom(baseUrl, tokenFromShop);
const payButton = document.querySelector('#pay');
const message = document.querySelector('#message');

start().catch((error) => say(error.message));

async function start() {
  if (!window.Stripe) throw new Error('Stripe.js could not be loaded, so no card can be taken.');
  // The reference makes a reloaded page continue the same payment instead of making a second one.
  const payment = await strongroom.post('/api/payments/intents', {
    reference: `checkout-${orderId}`,
    order_id: orderId,
  });
  if (payment.status === 'succeeded') return showOrder();

  const stripe = window.Stripe(payment.publishable_key);
  const card = stripe.elements().create('card', { style: cardStyle() });
  card.on('ready', () => { payButton.disabled = false; });
  card.on('change', (event) => say(event.error?.message ?? ''));
  card.mount('#card-field');
  document.querySelector('#card-field').ariaBusy = 'false';

  document.querySelector('#payment-form').addEventListener('submit', async (event) => {
    event.preventDefault();
    payButton.disabled = true;
    say('');
    const result = await stripe.confirmCardPayment(payment.client_secret, {
      payment_method: { card },
    });
    if (!result.error) return showOrder();
    say(result.error.message);
    payButton.disabled = false;
    card.focus();
  });
}

// Stripe's card field lives in an iframe of its own, so it has to be told our colours.
function cardStyle() {
  const { color, fontFamily } = getComputedStyle(document.body);
  return { base: { color, fontFamily, fontSize: '16px' } };
}

function say(text) {
  message.textContent = text;
  message.hidden = !text;
}

// Stripe has said yes; that the money is booked, the order's page hears from Strongroom.
function showOrder() {
  window.location.assign(`/orders/${orderId}`);
}
