// The invoice of an order, as a PDF. It is made by a job some moments after the money has arrived,
// once: until it is there, Strongroom says when to ask again, and `file` does so.

import { explained } from './problems.js';

const panel = document.querySelector('#invoice');
const button = document.querySelector('#invoice-get');
const news = document.querySelector('#invoice-news');

export function offerInvoice(strongroom, orderId) {
  if (!panel.hidden) return;
  panel.hidden = false;
  button.addEventListener('click', async () => {
    button.disabled = true;
    news.textContent = 'One moment: the invoice is being fetched.';
    try {
      save(await strongroom.file(`/api/invoices/${orderId}.pdf`), `invoice-${orderId}.pdf`);
      news.textContent = 'The invoice is among your downloads.';
    } catch (error) {
      news.textContent = explained(error);
    }
    button.disabled = false;
  });
}

// A link to the API would do as well, but could only show its errors as they are.
function save(blob, name) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
