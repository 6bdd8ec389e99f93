// What every page of the console loads: keys, copying, the menu, and the other modules.

import './calls.js';
import './reveal.js';
import './banner.js';
import { follow } from './live.js';

const search = document.querySelector('#q');

document.addEventListener('keydown', (event) => {
  const typing = event.target.closest('input, textarea, select, dialog, [contenteditable]');
  if (event.key === '/' && !typing && !event.ctrlKey && !event.metaKey && !event.altKey && search) {
    event.preventDefault();
    search.focus();
    search.select();
  }
  if (event.key === 'Escape' && event.target === search) search.blur();
});

document.addEventListener('click', async (event) => {
  const button = event.target.closest('[data-copy]');
  if (!button) return;
  await navigator.clipboard.writeText(button.dataset.copy);
  button.classList.add('copied');
  setTimeout(() => button.classList.remove('copied'), 1200);
});

// On a phone the menu is folded away until it is asked for.
const menu = document.querySelector('.places details');
const narrow = matchMedia('(max-width: 56rem)');
const fold = () => { if (menu) menu.open = !narrow.matches; };
narrow.addEventListener('change', fold);
fold();

// A form that asks for a list again asks as soon as a choice is made.
document.addEventListener('change', (event) => {
  if (event.target.matches('form[method=get] select')) event.target.form.requestSubmit();
});

follow(document.querySelector('main'));
