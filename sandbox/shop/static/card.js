// Paying by card, with Stripe.js: https://docs.stripe.com/js. The card's number goes from the field
// to Stripe; neither this shop nor Strongroom ever sees it.

const form = document.querySelector('#card-form');
const payButton = document.querySelector('#pay');
const bankAsks = document.querySelector('#bank-asks');
const message = document.querySelector('#card-message');

// Shows the card field of a payment; `onPaid` goes on when Stripe has said yes.
export function takeCard(payment, { onPaid }) {
  const stripe = window.Stripe(payment.publishable_key);
  const card = stripe.elements().create('card', { style: cardStyle() });
  card.on('ready', () => { payButton.disabled = false; });
  card.on('change', (event) => sayOfCard(event.error?.message ?? ''));
  card.mount('#card-field');
  document.querySelector('#card-field').ariaBusy = 'false';

  // If the card's bank wants to ask its holder, Stripe.js shows the bank's page in a window (3D
  // Secure). Whoever closes that has not paid, and can open it again, or take another card.
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    settle(() => stripe.confirmCardPayment(payment.client_secret, { payment_method: { card } }));
  });
  document.querySelector('#ask-bank').addEventListener('click', () => {
    settle(() => stripe.handleNextAction({ clientSecret: payment.client_secret }));
  });
  bankAsks.hidden = payment.status !== 'requires_action';

  // Stripe.js never throws: it answers with an `error`, whose `message` is fit for the payer.
  async function settle(confirm) {
    payButton.disabled = true;
    sayOfCard('');
    const { error } = await confirm();
    if (!error) return onPaid();
    const isAsking = error.payment_intent?.status === 'requires_action';
    if (isAsking) document.querySelector('#bank-asks-text').textContent = error.message;
    else sayOfCard(error.message);
    bankAsks.hidden = !isAsking;
    payButton.disabled = false;
  }
}

export function sayOfCard(text) {
  message.textContent = text;
  message.hidden = !text;
}

// Stripe's field lives in a frame of its own, so it has to be told our colours.
function cardStyle() {
  const { color, fontFamily } = getComputedStyle(document.body);
  return { base: { color, fontFamily, fontSize: '16px' } };
}
