// Tells Stripe.js, in whose frame this is shown, that the bank's question was answered.
// What was answered is not said here: Stripe.js asks the API.
if (window.parent !== window) {
  window.parent.postMessage({ answered: document.body.dataset.source }, '*');
}
