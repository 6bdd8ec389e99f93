// The payment, its token and the way back stand behind the # of the address, which only a script
// of this page can read. The new address stays out of the history: going back leaves the bank.

const given = new URLSearchParams(window.location.hash.slice(1) || window.location.search);
const payment = given.get('payment_id');
const token = given.get('resource_token');

if (payment && token) {
  const next = new URLSearchParams({ token });
  if (given.get('return_uri')) next.set('return_uri', given.get('return_uri'));
  window.location.replace(`/pay/${encodeURIComponent(payment)}?${next}`);
} else {
  document.querySelector('#news').textContent = 'There is no payment in this address. Go back to the shop and start again.';
}
