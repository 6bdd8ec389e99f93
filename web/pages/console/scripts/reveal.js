// Personal data, shown to who says why: the reason goes along, and stands in the audit log.

import { call, openDialog } from './calls.js';
import { asHeader, element, problemNodes, told } from './tell.js';

function fill(group, answer) {
  group.querySelectorAll('[data-field]').forEach((place) => {
    const value = place.dataset.field.split('.').reduce((inner, name) => inner?.[name], answer);
    place.replaceChildren(typeof value === 'string' && value !== '' ? value : told(value));
  });
  group.querySelector('.act')?.remove();
}

function ask(group) {
  const reason = element('textarea', { name: 'reason', rows: '2', required: '', minlength: '3', maxlength: '500' });
  const hint = element('small', {}, 'Such as the number of the ticket. It stands in the audit log, with your name.');
  const go = element('button', {}, 'Reveal');
  const leave = element('button', { type: 'button', class: 'quiet' }, 'Leave it');
  const form = element('form', { method: 'dialog' },
    element('label', { class: 'field' }, element('span', {}, 'Why do you look?'), reason, hint),
    element('p', { class: 'acts' }, go, leave));
  const dialog = openDialog('Reveal personal data', form);
  leave.addEventListener('click', () => dialog.close());
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    form.querySelectorAll('.problem').forEach((each) => each.remove());
    const said = asHeader(reason.value);
    const answer = await call('GET', group.dataset.reveals, undefined, { 'X-Access-Reason': said });
    if (answer.ok) {
      fill(group, answer.body);
      dialog.close();
    } else {
      form.append(element('div', { class: 'problem', role: 'alert' },
        ...problemNodes({ status: answer.status, ...answer.body })));
    }
  });
}

document.addEventListener('click', (event) => {
  const button = event.target.closest('[data-reveal]');
  if (button) ask(button.closest('[data-reveals]'));
});

// Whoever comes to this desk next has another session, or none.
document.addEventListener('signedout', () => {
  document.querySelectorAll('[data-reveals] [data-field]').forEach((place) => {
    place.replaceChildren(element('span', { class: 'hidden', 'aria-label': 'hidden' }, '••••••••'));
  });
});
