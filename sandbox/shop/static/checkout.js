// The checkout: ask Strongroom for a payment, let Stripe.js take the card, go to the order's page.

import { Strongroom, tokenFromShop } from './strongroom.js';

const { strongroom: baseUrl, order: orderId, attempt } = document.querySelector('main').dataset;
const strongroom = new Strongroom(baseUrl, tokenFromShop);
const payButton = document.querySelector('#pay');
const pageButton = document.querySelector('#hosted');
const message = document.querySelector('#message');

// What the payer can do, by the `next_step` of a payment's failure.
const NEXT_STEP = {
  try_another_card: 'Please try another card.',
  check_card_details: 'Please check what you have typed.',
  contact_bank: 'Please ask your bank, or try another card.',
  try_again: 'Please try again in a moment.',
  authenticate: 'Please try again and confirm with your bank.',
};

start().catch(failed);
pageButton.addEventListener('click', () => payOnStripesPage().catch(failed));

async function start() {
  if (!window.Stripe) throw new Error('Stripe.js could not be loaded, so no card can be taken.');
  // The reference makes a reloaded page continue the same payment instead of making a second one.
  const payment = await strongroom.post('/api/payments/intents', {
    reference: `checkout-${orderId}-${attempt}`,
    order_id: orderId,
  });
  // Given up or too late: the next attempt is another payment.
  if (['canceled', 'expired'].includes(payment.status)) return startOver();
  if (!['created', 'requires_action', 'failed'].includes(payment.status)) return showOrder();
  await strongroom.listen(['payment.updated'], (_type, news) => {
    if (news.id === payment.id && news.failure) explain(news.failure);
  });
  takeCard(payment);
}

function takeCard(payment) {
  const stripe = window.Stripe(payment.publishable_key);
  const card = stripe.elements().create('card', { style: cardStyle() });
  card.on('ready', () => { payButton.disabled = false; });
  card.on('change', (event) => say(event.error?.message ?? ''));
  card.mount('#card-field');
  document.querySelector('#card-field').ariaBusy = 'false';

  // If the card's bank wants to ask the payer, Stripe.js shows its page (3D Secure). Whoever
  // closes that can pay again with the same or another card, or open it once more.
  document.querySelector('#payment-form').addEventListener('submit', (event) => {
    event.preventDefault();
    settle(() => stripe.confirmCardPayment(payment.client_secret, { payment_method: { card } }));
  });
  document.querySelector('#continue').addEventListener('click', () => {
    settle(() => stripe.handleNextAction({ clientSecret: payment.client_secret }));
  });
  showBank(payment.status === 'requires_action');
  if (payment.failure) explain(payment.failure);
}

async function settle(confirm) {
  payButton.disabled = true;
  say('');
  const { error } = await confirm();
  if (!error) return showOrder();
  // Stripe's words at once; Strongroom's own follow when it has heard of it.
  say(error.message);
  showBank(error.payment_intent?.status === 'requires_action');
  payButton.disabled = false;
}

// The other way to pay: a page of Stripe's. Who turns back there comes here, for another attempt.
async function payOnStripesPage() {
  pageButton.disabled = true;
  const payment = await strongroom.post('/api/payments/stripe/checkout-session', {
    reference: `page-${orderId}-${attempt}`,
    order_id: orderId,
    success_url: `${window.location.origin}/orders/${orderId}`,
    cancel_url: `${window.location.origin}/checkout/${orderId}?attempt=${Number(attempt) + 1}`,
  });
  if (!payment.url) return startOver(); // paid or closed in the meantime
  window.location.assign(payment.url);
}

// Stripe's card field lives in an iframe of its own, so it has to be told our colours.
function cardStyle() {
  const { color, fontFamily } = getComputedStyle(document.body);
  return { base: { color, fontFamily, fontSize: '16px' } };
}

function explain(failure) {
  say(`${failure.message} ${NEXT_STEP[failure.next_step] ?? ''}`);
}

function say(text) {
  message.textContent = text;
  message.hidden = !text;
}

function failed(error) {
  // The order is paid, or being paid: its page says how far that is.
  if (['order_not_open', 'payment_in_progress'].includes(error.code)) return showOrder();
  say(error.message);
  pageButton.disabled = false;
}

function showBank(waits) {
  document.querySelector('#bank').hidden = !waits;
}

function startOver() {
  window.location.replace(`/checkout/${orderId}?attempt=${Number(attempt) + 1}`);
}

// Stripe has said yes; that the money is booked, the order's page hears from Strongroom.
function showOrder() {
  window.location.assign(`/orders/${orderId}`);
}
