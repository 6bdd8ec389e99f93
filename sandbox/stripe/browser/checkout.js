// The hosted checkout page: takes the card, pays, and sends the payer back to the shop.

const { session, key } = document.querySelector('main').dataset;
const page = `/v1/payment_pages/${session}`;
const payButton = document.querySelector('#pay');
const fault = document.querySelector('#fault');
const stripe = window.Stripe(key);
const card = stripe.elements().create('card');

card.on('ready', () => { payButton.disabled = false; });
card.on('change', () => say(''));
card.mount('#card');

document.querySelector('#form').addEventListener('submit', async (event) => {
  event.preventDefault();
  payButton.disabled = true;
  say('');
  const error = await pay();
  if (!error) return goBack();
  say(error.message);
  payButton.disabled = false;
});

// Undefined if it went well; as with Stripe.js, everything that did not is an error to show.
async function pay() {
  const typed = card.read();
  const form = new URLSearchParams({ key, use_stripe_sdk: 'true', 'payment_method_data[type]': 'card' });
  for (const [name, value] of Object.entries(typed)) {
    form.set(`payment_method_data[card][${name}]`, value);
  }
  const name = document.querySelector('#name').value.trim();
  if (name) form.set('payment_method_data[billing_details][name]', name);
  try {
    const answer = await fetch(`${page}/confirm`, { method: 'POST', body: form });
    const intent = await answer.json();
    if (!answer.ok) return intent.error;
    if (intent.status !== 'requires_action') return undefined;
    return (await stripe.handleNextAction({ clientSecret: intent.client_secret })).error;
  } catch {
    return { message: 'The connection was lost. Try again.' };
  }
}

async function goBack() {
  const answer = await fetch(`${page}?key=${key}`);
  window.location.assign((await answer.json()).success_url);
}

function say(text) {
  fault.textContent = text;
  fault.hidden = !text;
}
