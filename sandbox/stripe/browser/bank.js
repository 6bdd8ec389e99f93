// Tells Stripe.js, in whose frame the bank's page is shown, that its question was answered or
// its window is to be closed. What was answered is not said here: Stripe.js asks the API.

const { source, answered } = document.body.dataset;

function tell(news) {
  if (window.parent !== window) window.parent.postMessage(news, '*');
}

if (answered !== undefined) tell({ answered: source });

document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape') tell({ left: source });
});
